// A user's program: which entries load, and what the others say. Its output is a line of JSON.
const entries = ['annals', 'annals/agents', 'annals/aws', 'annals/client', 'annals/testing', 'annals/embedded'];
const loaded = [];
const refused = [];
for (const entry of entries) {
  try {
    if (Object.keys(await import(entry)).length > 0) loaded.push(entry);
  } catch ({ message }) {
    refused.push(`${entry}: ${message}`);
  }
}
const { openStreams } = await import('annals/aws');
const aws = await openStreams({}, { eventsTable: 'events', objectsBucket: 'objects' }).catch(({ message }) => message);
globalThis.process.stdout.write(JSON.stringify({ loaded, refused, aws }));
