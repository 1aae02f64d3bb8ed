// The AI SDK with its own MCP client: a model that is offered the server's tools answers a question.
import { createMCPClient } from '@ai-sdk/mcp';
import { Experimental_StdioMCPTransport } from '@ai-sdk/mcp/mcp-stdio';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, isStepCount } from 'ai';

const { server, question, model } = JSON.parse(process.env.TASK);
const client = await createMCPClient({
  transport: server.url ? { type: 'http', ...server } : new Experimental_StdioMCPTransport(server),
});
const { text, steps } = await generateText({
  model: createOpenAICompatible({ name: 'scripted', baseURL: model, apiKey: 'none' })('scripted'),
  tools: await client.tools(),
  stopWhen: isStepCount(3),
  prompt: question,
});
const results = steps.flatMap((step) => step.toolResults.map(({ output }) => output));
const structured = results.flatMap(({ structuredContent }) => structuredContent ?? []);
console.log(JSON.stringify({ answer: text, structured }));
await client.close();
