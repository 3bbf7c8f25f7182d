import type { AnySaga } from '../../core/sagas/saga.ts';

interface Drawn {
  readonly saga: AnySaga;
  readonly declared: string;
  readonly compiled: string;
}

const BEGIN = '<!-- diagrams: made by `npm run saga:diagram` -->';
const END = '<!-- end of diagrams -->';

/** Replaces the diagrams of a page. @throws Error when the page has no place for diagrams */
export function insertDiagrams(page: string, drawn: readonly Drawn[]): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`the page has no ${BEGIN} with ${END} after it`);
  return `${page.slice(0, from)}${BEGIN}\n\n${drawn.map(section).join('\n')}\n${page.slice(to)}`;
}

const section = ({ saga, declared, compiled }: Drawn): string =>
  [
    `### ${saga.name}`,
    '',
    saga.description,
    '',
    '```mermaid',
    declared,
    '```',
    '',
    `Compiled for Step Functions (\`annals-<stage>-saga-${saga.name}\`):`,
    '',
    '```mermaid',
    compiled,
    '```',
    '',
  ].join('\n');
