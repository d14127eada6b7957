"""Does a source's manifest stand up to what a department's system may answer?

From the manifest and its samples hundreds of cases are made (`fields`, `envelopes`, `wires`; `drops` and
`tables` for dropped files), each a recorded answer with one thing wrong with it; the manifest's real
transport, mapping and guard are run against a scripted server on the loopback (`server`) or a real
folder (`folders`), and what comes of it is judged (`judging`). Passing is written down beside the manifests (`record`), and `adapters check` sees to it
that what is written down is about the manifest as it stands.
"""

from adapters.conformance.cases import Case, Expect
from adapters.conformance.judging import Verdict
from adapters.conformance.record import check, written
from adapters.conformance.running import Result, run

__all__ = ["Case", "Expect", "Result", "Verdict", "check", "run", "written"]
