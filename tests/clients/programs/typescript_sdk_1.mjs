// The TypeScript SDK 1.x.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const { server, customers } = JSON.parse(process.env.TASK);
const transport = server.url
  ? new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers: server.headers } })
  : new StdioClientTransport(server);
const client = new Client({ name: 'typescript-sdk-1', version: '1' });
await client.connect(transport);
const { tools } = await client.listTools();
const results = [];
const progress = [];
for (const customer_id of customers) {
  const call = { name: 'refresh_customer_wallets', arguments: { customer_id } };
  results.push(await client.callTool(call, undefined, { onprogress: ({ message }) => progress.push(message) }));
}
// Over stdio it keeps to itself which version was agreed on; it speaks none after this one.
const version = transport.protocolVersion ?? '2025-11-25';
console.log(JSON.stringify({ version, server: client.getServerVersion().name, tools, results, progress }));
await client.close();
