// The websocket: opens it again when it is lost, and sends each knob once a frame at most.

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 2000;
const LOOK_MS = 1000;
const SILENT_LOOKS = 5; // the server says something four times a second
const LOST = "Connection lost. The sound goes on; trying again\u2026";
const STOPPED = "taraf has been stopped. This page waits until it plays again.";
const GOING_AWAY = [1001, 1012];
const ANEW = "taraf was started again: open the address that it shows now.";

export class Link {
  // hear: {open(), lost(text), facts(object), frame(Float32Array)}
  constructor(hear) {
    this.hear = hear;
    this.wait = FIRST_WAIT_MS;
    this.moves = new Map();
    this.due = false;
    this.silent = 0;
    this.open();
    setInterval(() => this.look(), LOOK_MS);
  }

  open() {
    this.socket = new WebSocket(`ws://${location.host}/socket`);
    this.socket.binaryType = "arraybuffer";
    this.silent = 0;
    this.socket.onopen = () => {
      this.wait = FIRST_WAIT_MS;
      this.hear.open();
    };
    this.socket.onmessage = (event) => {
      this.silent = 0;
      if (typeof event.data === "string") this.hear.facts(JSON.parse(event.data));
      else this.hear.frame(new Float32Array(event.data));
    };
    this.socket.onclose = ({ code }) => this.lost(GOING_AWAY.includes(code) ? STOPPED : LOST);
  }

  // A network that goes away closes nothing: what a browser calls open may be dead for minutes.
  look() {
    const { socket } = this;
    if (socket.readyState > WebSocket.OPEN || document.hidden) return;
    this.silent += 1;
    if (this.silent <= SILENT_LOOKS) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.lost();
  }

  async lost(text = LOST) {
    this.hear.lost(text);
    await new Promise((done) => setTimeout(done, this.wait));
    this.wait = Math.min(2 * this.wait, LONGEST_WAIT_MS);
    try {
      const signal = AbortSignal.timeout?.(SILENT_LOOKS * LOOK_MS);
      const answer = await fetch("/", { method: "HEAD", signal });
      if (answer.status === 401) {
        this.wait = LONGEST_WAIT_MS;
        this.lost(ANEW);
        return;
      }
    } catch {
      this.lost(text);
      return;
    }
    this.open();
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  // Of several moves of one thing within a frame only the last is sent.
  move(what, message) {
    this.moves.set(what, message);
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      for (const one of this.moves.values()) this.send(one);
      this.moves.clear();
    });
  }
}
