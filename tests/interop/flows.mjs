// Every flow of the provider, done by a certified client (openid-client). The browser is one that is signed in already:
// `cookie` is its session, `redirect: "manual"` its address bar. Prints what it saw as JSON.
import * as client from "openid-client";

const { issuer, id, secret, cookie, redirect, bye, device, machine } = JSON.parse(process.argv[2]);
const insecure = { execute: [client.allowInsecureRequests] };
const config = await client.discovery(new URL(issuer), id, secret, client.ClientSecretBasic(secret), insecure);
const seen = { issuer: config.serverMetadata().issuer, refused: [] };

const browse = async (url) => {
  const answer = await fetch(url, { headers: { cookie }, redirect: "manual" });
  if (answer.status !== 302) throw new Error(`${answer.status} ${await answer.text()}`);
  return new URL(answer.headers.get("location"));
};

const refused = async (name, act) => {
  try {
    await act();
  } catch (error) {
    seen.refused.push([name, error.error ?? error.code ?? error.name]);
    return;
  }
  throw new Error(`${name} was not refused`);
};

const signIn = async (more = {}, configuration = config) => {
  const verifier = client.randomPKCECodeVerifier();
  const expected = { pkceCodeVerifier: verifier, expectedState: client.randomState(), expectedNonce: client.randomNonce() };
  const url = client.buildAuthorizationUrl(configuration, {
    redirect_uri: redirect,
    scope: "openid profile email children",
    state: expected.expectedState,
    nonce: expected.expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...more,
  });
  return [await browse(url), expected];
};

// Authorization code, PKCE, state, nonce, iss; ID token; userinfo
const [first, expected] = await signIn({ max_age: "3600" });
const tokens = await client.authorizationCodeGrant(config, first, { ...expected, maxAge: 3600, idTokenExpected: true });
seen.claims = tokens.claims();
seen.userinfo = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);

// Introspection, refresh with rotation, reuse, revocation
seen.introspection = await client.tokenIntrospection(config, tokens.access_token);
const second = await client.refreshTokenGrant(config, tokens.refresh_token);
seen.refreshed = second.refresh_token !== tokens.refresh_token;
await client.fetchUserInfo(config, second.access_token, tokens.claims().sub);
await client.tokenRevocation(config, second.refresh_token);
await refused("revoked refresh token", () => client.refreshTokenGrant(config, second.refresh_token));
await refused("revoked access token", () => client.fetchUserInfo(config, second.access_token, tokens.claims().sub));

// Without asking; the code of one answer in another; a code twice
const [silent, silently] = await signIn({ prompt: "none", id_token_hint: tokens.id_token });
await client.authorizationCodeGrant(config, silent, silently);
await refused("code twice", () => client.authorizationCodeGrant(config, silent, silently));
const [mine] = await signIn();
const [, others] = await signIn();
await refused("another's state", () => client.authorizationCodeGrant(config, mine, others));
const mixed = new URL((await signIn())[0]);
mixed.searchParams.set("iss", "https://evil.example");
await refused("another's iss", () => client.authorizationCodeGrant(config, mixed, { ...others, expectedState: client.skipStateCheck }));

// The secret in the body; a wrong one
const post = await client.discovery(new URL(issuer), id, secret, client.ClientSecretPost(secret), insecure);
const [posted, postedExpected] = await signIn({}, post);
await client.authorizationCodeGrant(post, posted, postedExpected);
const wrong = await client.discovery(new URL(issuer), id, "x", client.ClientSecretBasic("x"), insecure);
const [third, thirdExpected] = await signIn({}, wrong);
await refused("wrong secret", () => client.authorizationCodeGrant(wrong, third, thirdExpected));

// A device without a keyboard: the person types its code in the browser, and says yes or no
const answerDevice = async (url, answer) => {
  const page = await fetch(url, { headers: { cookie } });
  const form = await page.text();
  const token = /name="csrfmiddlewaretoken" value="([^"]+)"/.exec(form)[1];
  const crumbs = page.headers.getSetCookie().map((one) => one.split(";")[0]);
  const fields = { csrfmiddlewaretoken: token, user_code: new URL(url).searchParams.get("user_code"), answer };
  const headers = { cookie: [cookie, ...crumbs].join("; "), origin: issuer };
  const done = await fetch(issuer + "/device/", { method: "POST", headers, body: new URLSearchParams(fields) });
  if (done.status !== 200) throw new Error(`${done.status} ${await done.text()}`);
};
const board = await client.discovery(new URL(issuer), device, undefined, client.None(), insecure);
const shown = await client.initiateDeviceAuthorization(board, { scope: "openid profile" });
await answerDevice(shown.verification_uri_complete, "give");
const onBoard = await client.pollDeviceAuthorizationGrant(board, { ...shown, interval: 0 });
seen.device = await client.fetchUserInfo(board, onBoard.access_token, onBoard.claims().sub);
const unwanted = await client.initiateDeviceAuthorization(board, { scope: "openid" });
await answerDevice(unwanted.verification_uri_complete, "refuse");
await refused("device said no", () => client.pollDeviceAuthorizationGrant(board, { ...unwanted, interval: 0 }));

// A machine that speaks for itself
const robot = await client.discovery(new URL(issuer), machine[0], machine[1], client.ClientSecretBasic(machine[1]), insecure);
const own = await client.clientCredentialsGrant(robot, { scope: "schools" });
const listed = await client.fetchProtectedResource(robot, own.access_token, new URL(issuer + "/sso/schools"), "GET");
seen.schools = (await listed.json()).schools.map((one) => one.o);
await refused("machine asks for people", () => client.clientCredentialsGrant(robot, { scope: "openid children" }));

// Sign-out asked for by the service
const last = await signIn();
const ended = await client.authorizationCodeGrant(config, ...last);
const out = client.buildEndSessionUrl(config, { post_logout_redirect_uri: bye, id_token_hint: ended.id_token, state: "s" });
seen.out = (await browse(out)).href;
await refused("token after sign-out", () => client.fetchUserInfo(config, ended.access_token, ended.claims().sub));
await refused("nobody signed in", async () => {
  const [back, checks] = await signIn({ prompt: "none" });
  await client.authorizationCodeGrant(config, back, checks);
});

console.log(JSON.stringify(seen));
