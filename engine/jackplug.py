"""Plug our own output into our own input on a JACK server: a cable that nobody has to carry."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import Any

PORT = re.compile(r"(PortAudio[^:]*):(in|out)_\d+\Z")
"""What PortAudio calls its ports; the client's name has a number if another has it already."""
TOOLS = ("jack_lsp", "jack_connect", "jack_disconnect")
TOOL_SECONDS = 5.0


def plug() -> bool:
    """Connect our outputs to our inputs and to nothing else; False where that cannot be done."""
    return _with_library() or _with_programs()


def period() -> int:
    """The server's block in frames; 0 where nobody tells."""
    try:
        import jack

        with jack.Client("taraf-period", no_start_server=True) as client:
            return int(client.blocksize)
    except (ImportError, OSError):
        said = re.search(r"\d+", _run("jack_bufsize") or "")
        return int(said[0]) if said else 0
    except jack.JackError:
        return 0


def pairs(ports: list[str]) -> list[tuple[str, str]]:
    """Our outputs and the inputs to plug them into, among all ports; the latest client is ours."""
    found = [match for match in map(PORT.match, ports) if match]
    clients = {match[1] for match in found if match[2] == "out"}
    clients &= {match[1] for match in found if match[2] == "in"}
    if not clients:
        return []
    ours = max(clients)
    wanted = [(f"{ours}:out_{k}", f"{ours}:in_{k}") for k in (0, 1)]
    return [pair for pair in wanted if set(pair) <= set(ports)]


def _with_library() -> bool:
    try:
        import jack
    except (ImportError, OSError):
        return False
    try:
        client = jack.Client("taraf-latency", no_start_server=True)
    except jack.JackError:
        return False
    with client:
        ours = pairs([port.name for port in client.get_ports()])
        for source, sink in ours:
            _unplug(client, jack, source)
            _unplug(client, jack, sink)
            try:
                client.connect(source, sink)
            except jack.JackError:
                return False
    return bool(ours)


def _unplug(client: Any, jack: Any, port: str) -> None:
    try:
        others = client.get_all_connections(port)
    except jack.JackError:
        return
    for other in others:
        ends = (port, other.name) if ":out" in port else (other.name, port)
        try:
            client.disconnect(*ends)
        except jack.JackError:
            continue


def _with_programs() -> bool:
    """The same with the programs that come with jackd, or with PipeWire's JACK."""
    if not all(shutil.which(tool) for tool in TOOLS):
        return False
    listed = _run("jack_lsp", "-c")
    if listed is None:
        return False
    ours = pairs([line for line in listed.splitlines() if not line.startswith(" ")])
    for source, sink in ours:
        for port in (source, sink):
            for other in connections(listed, port):
                ends = (port, other) if port == source else (other, port)
                _run("jack_disconnect", *ends)
        if _run("jack_connect", source, sink) is None:
            return False
    return bool(ours)


def connections(listed: str, port: str) -> list[str]:
    """What ``port`` is connected to, in what `jack_lsp -c` printed."""
    found: list[str] = []
    here = False
    for line in listed.splitlines():
        if not line.startswith(" "):
            here = line.strip() == port
        elif here:
            found.append(line.strip())
    return found


def _run(*command: str) -> str | None:
    """What a program prints; None if it fails."""
    environment = {**os.environ, "JACK_NO_START_SERVER": "1"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TOOL_SECONDS, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
