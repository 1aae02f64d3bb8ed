// The TypeScript SDK 2.x, in the era it is told to speak.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const { server, customers, era } = JSON.parse(process.env.TASK);
const transport = server.url
  ? new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers: server.headers } })
  : new StdioClientTransport(server);
const client = new Client({ name: 'typescript-sdk-2', version: '1' }, { versionNegotiation: { mode: era } });
await client.connect(transport);
const { tools } = await client.listTools();
const results = [];
const progress = [];
for (const customer_id of customers) {
  const call = { name: 'refresh_customer_wallets', arguments: { customer_id } };
  results.push(await client.callTool(call, { onprogress: ({ message }) => progress.push(message) }));
}
const version = client.getNegotiatedProtocolVersion();
console.log(JSON.stringify({ version, server: client.getServerVersion().name, tools, results, progress }));
await client.close();
