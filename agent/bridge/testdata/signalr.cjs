// Microsoft's own SignalR client against the bridge:
//   node signalr.cjs MODULES HOW URL TOKEN
// HOW is "token" (an access token's factory), "path" (the token stands in the
// address), "direct" (without negotiation) or "messagepack" (another protocol).
// It writes what it hears, one list a line; a line of input tells it what to do.
const [, , modules, how, url, token] = process.argv;
const signalr = require(`${modules}/@microsoft/signalr`);
const tell = (...what) => console.log(JSON.stringify(what));

const options = {};
if (how !== "path") options.accessTokenFactory = () => token;
if (how === "direct") {
  options.skipNegotiation = true;
  options.transport = signalr.HttpTransportType.WebSockets;
}
let builder = new signalr.HubConnectionBuilder().withUrl(url, options).withAutomaticReconnect([0, 50, 50, 200, 1000])
  .configureLogging({ log() {} });
if (how === "messagepack") {
  const { MessagePackHubProtocol } = require(`${modules}/@microsoft/signalr-protocol-msgpack`);
  builder = builder.withHubProtocol(new MessagePackHubProtocol());
}
const hub = builder.build();
for (const event of ["CardInserted", "CardReadSuccess", "CardRemoved", "DeviceStatusChanged"]) hub.on(event, (body) => tell(event, body));
hub.onreconnecting(() => tell("reconnecting"));
hub.onreconnected(() => tell("reconnected"));
hub.onclose((error) => tell("closed", error ? error.message : ""));
hub.start().then(() => tell("started"), (error) => tell("refused", error.message));

require("readline").createInterface({ input: process.stdin }).on("line", (what) => {
  if (what === "call") hub.invoke("NoSuchMethod", 1).then(() => tell("called"), (error) => tell("called", error.message));
  else if (what === "cut") hub.connection.transport._webSocket.terminate();
  else hub.stop();
}).on("close", () => process.exit(0));
