// A certified provider as Taipei Pass: `oidc-provider` with two members, who sign in without being asked.
import http from "node:http";
import { Provider } from "oidc-provider";

const told = JSON.parse(process.argv[2]);
const members = {
  gold: { sub: "gold", idNo: told.number, verifyLevel: "2" },
  basic: { sub: "basic", idNo: told.number, verifyLevel: "0" },
};
const server = http.createServer((request, response) => handle(request, response));
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [{ client_id: "gatepost", client_secret: told.secret, redirect_uris: [told.back], response_types: ["code"] }],
  claims: { openid: ["sub"], profile: ["idNo", "verifyLevel"] },
  pkce: { required: () => true },
  cookies: { keys: ["for tests"] },
  features: { devInteractions: { enabled: false } },
  findAccount: (_context, id) => ({ accountId: id, claims: () => members[id] }),
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  loadExistingGrant: async (context) => {
    const grant = new context.oidc.provider.Grant({
      clientId: context.oidc.client.clientId,
      accountId: context.oidc.session.accountId,
    });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
});
const callback = provider.callback();
let member = "gold";

async function handle(request, response) {
  if (request.url.startsWith("/member/")) {
    member = request.url.slice("/member/".length);
    return response.end();
  }
  if (request.url.startsWith("/interaction/")) {
    const result = member === "nobody" ? { error: "access_denied" } : { login: { accountId: member } };
    return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  }
  return callback(request, response);
}
console.log(issuer);
