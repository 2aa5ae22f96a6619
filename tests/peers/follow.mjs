// Follows the feed with the npm clients graphql-ws and graphql-sse: node follow.mjs ADDRESS KEY websocket|events AFTER COUNT.
// Prints the ids of so many changes, one a line, and ends.
import { createClient as createEvents } from "graphql-sse";
import { createClient as createSocket } from "graphql-ws";
import WebSocket from "ws";

const [address, key, transport, after, count] = process.argv.slice(2);
const authorization = `Bearer ${key}`;
const client =
  transport === "websocket"
    ? createSocket({
        url: `${address.replace("http", "ws")}/graphql`,
        webSocketImpl: WebSocket,
        connectionParams: { Authorization: authorization },
        retryAttempts: 0,
      })
    : createEvents({ url: `${address}/graphql`, headers: { Authorization: authorization }, retryAttempts: 0 });

const query = "subscription ($after: String) { changes(after: $after) { cursor node { id } } }";
let left = Number(count);
for await (const result of client.iterate({ query, variables: { after } })) {
  if (result.errors) throw new Error(JSON.stringify(result.errors));
  console.log(result.data.changes.node.id);
  left -= 1;
  if (left === 0) break;
}
client.dispose();
