// Plays purchases with axios, or with the fetch that Node.js has, as they come; see ../README.md.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import axios from "axios";

const [with_, url, operator, lines, run, workers] = process.argv.slice(2);
const customers = new Map();
readFileSync(lines, "utf8").split("\n").filter(Boolean).forEach((line, number) => {
  const [customer, , , price] = line.trim().split(/\s+/);
  if (!customers.has(customer)) customers.set(customer, []);
  customers.get(customer).push([number, Math.round(Number(price) * 100)]);
});
let calls = 0;

async function sent(method, path, headers, body) {
  if (with_ === "axios") {
    const answer = await axios({ method, url: url + path, headers, data: body, validateStatus: () => true });
    return [answer.status, answer.data, (name) => answer.headers[name]];
  }
  const json = body && { "Content-Type": "application/json" };
  const answer = await fetch(url + path, { method, headers: { ...headers, ...json }, body: body && JSON.stringify(body) });
  return [answer.status, await answer.json(), (name) => answer.headers.get(name)];
}

async function call(status, key, path, { body, name, since }) {
  const headers = { Authorization: `Bearer ${key}` };
  if (name) headers["Idempotency-Key"] = `${run}-${name}`; else headers["Kippu-Min-Position"] = since;
  const [found, answer, header] = await sent(name ? "POST" : "GET", path, headers, body);
  assert.equal(found, status, `${path}: ${JSON.stringify(answer)}`);
  calls++;
  return { ...answer, position: header("kippu-position"), replayed: header("idempotent-replayed") };
}

const { key: till } = await call(201, operator, "/v1/clients", { body: { role: "settler", name: "till" }, name: "till" });
let [total, permitted, refused] = [0, 0, 0];

async function play([customer, purchases]) {
  const limit = { source: "fixed", amount: 10000, currency: "EUR" };
  const post = (status, key, path, name, body) => call(status, key, path, { body, name });
  const { id: user } = await post(201, operator, "/v1/users", `u-${customer}`, { login: `${run}-${customer}`, limit });
  const terminal = { role: "terminal", name: customer, user };
  const { key: phone } = await post(201, operator, "/v1/clients", `phone-${customer}`, terminal);
  const { id: placement } = await post(201, operator, "/v1/placements", `bare-${customer}`, { label: "bare" });
  await post(200, operator, `/v1/placements/${placement}/close`, `close-${customer}`);
  let [paid, count, since] = [0, 0, ""];
  for (const [number, cents] of purchases) {
    const [amount, fits] = [{ amount: cents, currency: "EUR" }, paid + cents <= 10000];
    const ask = () => post(fits ? 201 : 409, phone, "/v1/approvals", `ask-${number}`, amount);
    const approval = await ask();
    if (number % 7 === 0) {
      const again = await ask();
      assert.deepEqual([again.token, again.replayed], [approval.token, "true"]);
    }
    since = approval.position;
    if (!fits) { refused++; continue; }
    await post(200, till, "/v1/approvals/redeem", `redeem-${number}`, { token: approval.token });
    ({ position: since } = await post(200, till, `/v1/approvals/${approval.id}/settle`, `settle-${number}`, amount));
    paid += cents; count++;
    if (number % 5 === 0) {
      const row = await call(200, phone, `/v1/approvals/${approval.id}`, { since });
      assert.deepEqual([row.state, row.settled_amount], ["settled", cents]);
    }
  }
  const row = await call(200, operator, `/v1/spending/${user}`, { since });
  assert.deepEqual([row.charged, row.purchases, row.reserved], [paid, count, 0]);
  total += paid; permitted += count;
}

const waiting = [...customers];
await Promise.all(Array.from({ length: Number(workers) }, async () => { while (waiting.length) await play(waiting.shift()); }));
console.log(`${calls} calls, ${permitted} permitted for ${(total / 100).toFixed(2)}, ${refused} refused`);
