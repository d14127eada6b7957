"""`python -m hub` is `mianti`."""

from hub.cli import main

if __name__ == "__main__":
    main()
