// The WebSocket client of the package ws against the bridge: node ws.cjs MODULES URL [TOKEN]
const [, , modules, url, token] = process.argv;
const WebSocket = require(`${modules}/ws`);
const tell = (...what) => console.log(JSON.stringify(what));

const socket = new WebSocket(url, token ? { headers: { Authorization: `Bearer ${token}` } } : {});
socket.on("open", () => tell("open"));
socket.on("message", (data) => tell("message", JSON.parse(data)));
socket.on("unexpected-response", (_, answer) => tell("refused", answer.statusCode));
socket.on("error", (error) => tell("error", error.message));
socket.on("close", (code) => tell("closed", code));

require("readline").createInterface({ input: process.stdin }).on("line", () => socket.close()).on("close", () => process.exit(0));
