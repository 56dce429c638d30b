// A carrier to send to: node-smpp's server. What it does with a message, the last digits of the number say:
// 0000 no such number, 5858 throttled, 9999 hangs up, 4444 taken and not delivered, 2 taken and never told of, anything
// else delivered. Each event is a line of JSON on stdout. A line on stdin closes every session, as a restart of the
// carrier does, or says what is the matter from now on: well, refused (no connection), unbound (no bind), throttled,
// silent (connections are taken, nothing is answered).
import { createRequire } from "node:module";
const smpp = createRequire(import.meta.url)("smpp");

const say = (event) => process.stdout.write(JSON.stringify(event) + "\n");
const sessions = new Set();
let last = 0, port = 0, matter = "well";

const server = smpp.createServer((session) => {
  sessions.add(session);
  session.on("error", () => {});
  session.on("close", () => sessions.delete(session));
  session.on("bind_transceiver", (pdu) => {
    const known = pdu.system_id === "gatepost" && pdu.password === "secret";
    say({ event: "bind", known, matter });
    if (matter === "silent") return;
    if (matter === "unbound") return session.send(pdu.response({ command_status: smpp.ESME_RBINDFAIL }));
    session.send(pdu.response({ command_status: known ? smpp.ESME_ROK : smpp.ESME_RINVPASWD }));
    if (known) session.enquire_link({}, () => say({ event: "alive" }));
  });
  session.on("unbind", (pdu) => {
    say({ event: "unbind" });
    session.send(pdu.response());
    session.close();
  });
  session.on("enquire_link", (pdu) => {
    say({ event: "asked" });
    if (matter === "silent") return;
    session.send(pdu.response());
  });
  session.on("submit_sm", (pdu) => {
    const to = pdu.destination_addr;
    if (matter !== "well") say({ event: "untaken", matter, to });
    if (matter === "silent") return;
    if (matter === "throttled") return session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
    if (to.endsWith("9999")) return session.destroy();
    if (to.endsWith("0000")) return session.send(pdu.response({ command_status: smpp.ESME_RINVDSTADR }));
    if (to.endsWith("5858")) return session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
    const id = `m${++last}`;
    const { message, udh } = pdu.short_message;
    const header = udh ? Buffer.from(udh[0] ?? udh).toString("hex") : "";
    const payload = pdu.message_payload ? pdu.message_payload.message : null;
    say({
      event: "submit", id, to, from: pdu.source_addr, coding: pdu.data_coding, esm: pdu.esm_class,
      text: payload ?? message, header, receipt: pdu.registered_delivery, ton: pdu.dest_addr_ton,
    });
    session.send(pdu.response({ message_id: id }));
    if (to.endsWith("2")) return;
    const stat = to.endsWith("4444") ? "UNDELIV" : "DELIVRD";
    const short = `id:${id} sub:001 dlvrd:001 submit date:2611280730 done date:2611280731 stat:${stat} err:000 text:`;
    session.deliver_sm(
      { source_addr: to, destination_addr: pdu.source_addr, esm_class: 4, short_message: short, receipted_message_id: id },
      (answer) => say({ event: "receipt", id, status: answer.command_status }),
    );
  });
});
const told = () => say({ event: "matter", matter });
const close = () => sessions.forEach((session) => session.destroy());
const change = (to) => {
  if (!to) return close();
  matter = to;
  if (matter === "refused") {
    server.close(told);
    close();
  } else if (server.listening) told();
  else server.listen(port, "127.0.0.1", told);
};
server.listen(0, "127.0.0.1", () => {
  port = server.address().port;
  say({ event: "listening", port });
});
process.stdin.on("data", (lines) => lines.toString().split("\n").slice(0, -1).forEach(change));
process.stdin.on("end", () => process.exit(0));
