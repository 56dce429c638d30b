// A carrier to send to: node-smpp's server. What it does with a message, the last digits of the number say:
// 0000 no such number, 5858 throttled, 9999 hangs up, 4444 taken and not delivered, anything else delivered.
// Each event is a line of JSON on stdout; a line on stdin closes every session, as a restart of the carrier does.
import { createRequire } from "node:module";
const smpp = createRequire(import.meta.url)("smpp");

const say = (event) => process.stdout.write(JSON.stringify(event) + "\n");
const sessions = new Set();
let last = 0;

const server = smpp.createServer((session) => {
  sessions.add(session);
  session.on("error", () => {});
  session.on("close", () => sessions.delete(session));
  session.on("bind_transceiver", (pdu) => {
    const known = pdu.system_id === "gatepost" && pdu.password === "secret";
    say({ event: "bind", known });
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
    session.send(pdu.response());
  });
  session.on("submit_sm", (pdu) => {
    const to = pdu.destination_addr;
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
    const stat = to.endsWith("4444") ? "UNDELIV" : "DELIVRD";
    const short = `id:${id} sub:001 dlvrd:001 submit date:2611280730 done date:2611280731 stat:${stat} err:000 text:`;
    session.deliver_sm(
      { source_addr: to, destination_addr: pdu.source_addr, esm_class: 4, short_message: short, receipted_message_id: id },
      (answer) => say({ event: "receipt", id, status: answer.command_status }),
    );
  });
});
server.listen(0, "127.0.0.1", () => say({ event: "listening", port: server.address().port }));
process.stdin.on("data", () => sessions.forEach((session) => session.destroy()));
process.stdin.on("end", () => process.exit(0));
