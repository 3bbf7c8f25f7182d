import { describe, expect, it } from 'vitest';
import { detectFormat } from '../../../sources/detect.ts';
import { sourceFile } from '../../support/source-files.ts';

describe('the format of a file', () => {
  it.each([
    ['claude-code', '/s.jsonl', '{"type":"summary","summary":"x","leafUuid":"y"}\n{"type":"user","sessionId":"s"}\n'],
    [
      'claude-code',
      '/s.jsonl',
      `{"type":"file-history-snapshot","snapshot":"${'x'.repeat(70_000)}"}\n{"type":"user","uuid":"u"}\n`,
    ],
    ['codex', '/r.jsonl', '\uFEFF{"timestamp":"t","type":"session_meta","payload":{}}\r\n'],
    ['codex', '/r.jsonl', '{"id":"x","timestamp":"t","instructions":null}\n{"record_type":"state"}\n'],
    ['atif', '/t.json', '{"schema_version":"ATIF-v1.8","steps":[]}'],
    ['mini-swe-agent', '/x.traj.json', '{"info":{},"messages":[],"trajectory_format":"mini-swe-agent-1.1"}'],
    ['mini-swe-agent', '/x.traj.json', '[{"role":"system","content":"x"}]'],
    ['swe-agent', '/x.traj', '{"environment":"main","trajectory":[]}'],
    ['swe-agent', '/x.json', '{"history":[],"info":{}}'],
    ['xes', '/l.xes', '<?xml version="1.0"?>\n<log xes.version="1.0"></log>'],
    ['ocel', '/l.json', '{"objectTypes":[],"events":[]}'],
    ['ocel', '/l.xml', '<?xml version="1.0"?>\n<log><object-types/></log>'],
    ['ocel', '/l.sqlite', 'SQLite format 3\0\x10'],
    ['csv', '/l.csv', 'a,b\n1,2\n'],
    ['csv', '/log.txt', 'case;activity;time\n1;2;3\n'],
  ])('is %s in %s', async (format, path, content) => {
    expect(await detectFormat(sourceFile(path, content))).toBe(format);
  });

  it.each([
    ['{"a":1}', /no known format: looked for .*Claude Code.*name the format/],
    ['hello', /no known format/],
    ['<a/>', /no <log> element/],
    ['{"ocel:global-log":{},"ocel:events":{}}', /OCEL 1\.0/],
  ])('is refused for %s, with what was looked for', async (content, says) => {
    await expect(detectFormat(sourceFile('/x', content))).rejects.toThrow(says);
  });
});
