"""The life of an electronic certificate (电子证照). Nothing is built here yet; see README.md."""
