"""`python -m adapters.sandbox`: run until SIGTERM or SIGINT, or until whoever started it is gone."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from adapters.sandbox.county import SEED
from adapters.sandbox.population import PEOPLE
from adapters.sandbox.running import sandbox, write_environment


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sandbox; 0 when it was told to stop, 2 when it could not start."""
    options = _options().parse_args(arguments)
    stop, parent = threading.Event(), os.getppid()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with sandbox(
            people=options.people, seed=options.seed, ports_from=options.ports_from,
            delay_ms=options.delay_ms,
        ) as running:  # fmt: skip
            environment = {**running.environment, "SANDBOX_CONTROL_URL": running.control_url}
            if options.environment_file:
                write_environment(options.environment_file, environment)
            _say(f"沙盒已就绪 sandbox ready, {len(running.population.people)} people, "
                 f"control {running.control_url}")  # fmt: skip
            while not stop.wait(1):
                if options.with_parent and os.getppid() != parent:
                    break
    except (OSError, ValueError) as error:
        _say(f"沙盒未能启动 the sandbox could not start: {error}")
        return 2
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m adapters.sandbox", description="模拟部门系统 simulated department systems"
    )
    parser.add_argument("--people", type=int, default=PEOPLE, help="人口数 at least so many people")
    parser.add_argument("--seed", default=SEED, help="种子 another seed is another county")
    parser.add_argument("--environment-file", type=Path, help="就绪后写入连接参数 NAME=value lines")
    parser.add_argument(
        "--ports-from", type=int, default=0, help="从此端口起连续占用 ports in a row"
    )
    parser.add_argument("--delay-ms", type=int, default=0, help="每次应答另加的毫秒数 extra delay")
    parser.add_argument("--with-parent", action="store_true",
                        help="启动者退出时随之退出 end when the starting process does")  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
