"""Real audio devices through PortAudio: the compiled callback given to sounddevice's stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.shared import Shared, callback_address

HINT = (
    "PortAudio is not installed; on Debian and Ubuntu: sudo apt install libportaudio2, "
    "on macOS and Windows: pip install --force-reinstall sounddevice"
)


class DeviceError(ValueError):
    """An audio device that cannot be used; the message says what there is instead."""


@dataclass(frozen=True)
class DeviceChoice:
    """What a player asked for. ``name`` is part of a device's or host API's name, or virtual."""

    name: str = "virtual"
    rate: int = 48000
    block: int = 64


def portaudio() -> Any:
    """The sounddevice module; raises DeviceError where PortAudio is missing."""
    try:
        import sounddevice
    except OSError:
        raise DeviceError(HINT) from None
    return sounddevice


def devices() -> list[dict[str, Any]]:
    """Every device PortAudio sees: index, name, api, inputs, outputs, rate, latencies in ms.

    PortAudio looks once in the life of a process. Making it look again is not safe where a
    sound server has died (it crashes), so what must see new devices is a new process.
    """
    sounddevice = portaudio()
    apis = sounddevice.query_hostapis()
    return [
        {
            "index": d["index"],
            "name": d["name"],
            "api": apis[d["hostapi"]]["name"],
            "inputs": d["max_input_channels"],
            "outputs": d["max_output_channels"],
            "rate": int(d["default_samplerate"]),
            "input_latency_ms": round(1000 * d["default_low_input_latency"], 2),
            "output_latency_ms": round(1000 * d["default_low_output_latency"], 2),
        }
        for d in sounddevice.query_devices()
    ]


def choose(name: str, virtual: bool = True) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The input device (None if it only plays) and output device that ``name`` means.

    ``name`` is an index, part of a device's name, or part of a host API's; "default" is the
    system's pair. Where several match, one that can both record and play comes first. Errors
    name the built-in device too if ``virtual``.
    """
    found = devices()
    if name == "default":
        first, second = portaudio().default.device
        by_index = {d["index"]: d for d in found}
        if second not in by_index:
            raise DeviceError(_nothing("default", found, virtual))
        return by_index.get(first), by_index[second]
    if name.isdigit():
        matches = [d for d in found if d["index"] == int(name)]
    else:
        matches = [d for d in found if name.lower() in f"{d['api']}: {d['name']}".lower()]
    outputs = [d for d in matches if d["outputs"]]
    if not outputs:
        raise DeviceError(_nothing(name, found, virtual))
    both = [d for d in outputs if d["inputs"]]
    if both:
        return both[0], both[0]
    same_api = [d for d in matches if d["inputs"] and d["api"] == outputs[0]["api"]]
    return (same_api[0] if same_api else None), outputs[0]


def _nothing(name: str, found: list[dict[str, Any]], virtual: bool) -> str:
    names = [f"{d['index']} {d['name']} ({d['api']})" for d in found]
    allowed = ", ".join(["virtual", *names] if virtual else names) or "none, for none is here"
    return f"no audio device is called {name!r} and can play; allowed: {allowed}"


class CardStream:
    """A running sound card. It starts at once; ``stop`` may hang if its server has died."""

    def __init__(self, shared: Shared, choice: DeviceChoice) -> None:
        sounddevice = portaudio()
        source, sink = choose(choice.name)
        control = shared.control
        inputs = min(2, source["inputs"]) if source else 0
        outputs = min(2, sink["outputs"])
        control["inputs"], control["outputs"] = inputs, outputs
        ffi = sounddevice._ffi
        callback = ffi.cast("PaStreamCallback *", callback_address("callback"))
        common = {
            "samplerate": choice.rate,
            "blocksize": choice.block,
            "latency": "low",
            "dtype": "float32",
            "extra_settings": None,
            "callback": callback,
            "userdata": ffi.cast("void *", shared.address),
            "clip_off": False,  # a card of whole numbers would wrap round what is too loud
            "dither_off": True,
        }
        try:
            if source is None:
                self._stream = sounddevice._StreamBase(
                    kind="output", device=sink["index"], channels=outputs, **common
                )
            else:
                self._stream = sounddevice._StreamBase(
                    kind="duplex",
                    device=(source["index"], sink["index"]),
                    channels=(inputs, outputs),
                    **common,
                )
        except (sounddevice.PortAudioError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise DeviceError(
                f"{sink['name']} ({sink['api']}) does not open at {choice.rate} Hz, "
                f"{choice.block} frames: {reason}"
            ) from None
        self.name = f"{sink['name']} ({sink['api']})"
        self.rate = int(self._stream.samplerate)
        self.priority = "set by the audio system"

    def start(self) -> None:
        """Begin to call the engine."""
        self._stream.start()

    @property
    def latency_frames(self) -> int:
        """What the driver says lies between its input and its output, in frames."""
        latency = self._stream.latency
        total = sum(latency) if isinstance(latency, tuple) else latency
        return round(total * self.rate)

    @property
    def running(self) -> bool:
        """Whether the driver still calls."""
        return bool(self._stream.active)

    def stop(self) -> None:
        """Stop and close."""
        self._stream.stop()
        self._stream.close()
