// The websocket: opens it again when it is lost, and sends each knob once a frame at most.

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 2000;

export class Link {
  // hear: {open(), lost(text), facts(object), frame(Float32Array)}
  constructor(hear) {
    this.hear = hear;
    this.wait = FIRST_WAIT_MS;
    this.moves = new Map();
    this.due = false;
    this.open();
  }

  open() {
    this.socket = new WebSocket(`ws://${location.host}/socket`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => {
      this.wait = FIRST_WAIT_MS;
      this.hear.open();
    };
    this.socket.onmessage = (event) => {
      if (typeof event.data === "string") this.hear.facts(JSON.parse(event.data));
      else this.hear.frame(new Float32Array(event.data));
    };
    this.socket.onclose = () => this.lost();
  }

  async lost() {
    this.hear.lost("Connection lost. The sound goes on; trying again\u2026");
    await new Promise((done) => setTimeout(done, this.wait));
    this.wait = Math.min(2 * this.wait, LONGEST_WAIT_MS);
    try {
      const answer = await fetch("/", { method: "HEAD" });
      if (answer.status === 401) {
        this.hear.lost("taraf was started again: open the address that it shows now.");
        this.wait = LONGEST_WAIT_MS;
        setTimeout(() => this.lost(), this.wait);
        return;
      }
    } catch {
      this.lost();
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
