// Socket.IO's own client of a major version against the bridge:
//   node socketio.cjs MODULES PACKAGE URL TRANSPORTS
// It writes what it hears, one list a line; a line of input tells it what to do.
const [, , modules, name, url, transports] = process.argv;
const library = require(`${modules}/${name}`);
const tell = (...what) => console.log(JSON.stringify(what));

const socket = (library.io || library)(url, {
  transports: transports.split("+"), forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 50, randomizationFactor: 0,
});
for (const event of ["/event", "/info"]) socket.on(event, (body) => tell(event, body));
socket.on("disconnect", (why) => tell("disconnect", why));
socket.on("connect_error", (error) => tell("connect_error", error.message || String(error)));
socket.on("connect", () => {
  const engine = socket.io.engine;
  tell("over", engine.transport.name);
  engine.on("upgrade", (transport) => tell("over", transport.name));
});

require("readline").createInterface({ input: process.stdin }).on("line", (what) => {
  if (what === "ask") socket.emit("/get_aa", { challenge: "AAAAAAAAAAA=" }, () => tell("ack"));
  else if (what === "cut") socket.io.engine.transport.ws.terminate();
  else socket.close();
}).on("close", () => process.exit(0));
