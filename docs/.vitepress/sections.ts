import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** The pages of the site. The README is its home. */
export const pages = globSync(
  ['*.md', 'docs/**/*.md', 'examples/*/README.md', 'client/package/README.md', 'entry/README.md'],
  {
    cwd: root,
  },
).toSorted();

interface Section {
  readonly text: string;
  readonly pages: readonly string[];
}

const inFolder = (folder: string) => pages.filter((page) => page.startsWith(folder));

/** The order in which newcomers read. */
const ordered: readonly Section[] = [
  {
    text: 'Begin',
    pages: [
      'README.md',
      'docs/start.md',
      'docs/own-domain.md',
      'examples/own-domain/README.md',
      'docs/deploy.md',
      'docs/operate.md',
      'docs/how-it-works.md',
      'docs/promises.md',
    ],
  },
  {
    text: 'Use',
    pages: [
      'docs/work.md',
      'docs/forks.md',
      'docs/sagas.md',
      'docs/approvals.md',
      'docs/transactions.md',
      'docs/subscriptions.md',
      'docs/schedules.md',
      'docs/projections.md',
      'docs/time-travel.md',
      'docs/event-types.md',
      'docs/versions.md',
      'docs/log.md',
      'docs/replay.md',
      'docs/values.md',
      'docs/testing.md',
      'entry/README.md',
      'client/package/README.md',
    ],
  },
  { text: 'Sources', pages: ['docs/import.md', ...inFolder('docs/sources/')] },
  {
    text: 'Operate',
    pages: [
      'docs/observability.md',
      'docs/delivery.md',
      'docs/backup.md',
      'docs/runbook.md',
      'docs/cost.md',
      'docs/loading.md',
      'docs/cloud.md',
      'SECURITY.md',
    ],
  },
  { text: 'Reference', pages: ['docs/configuration.md', ...inFolder('docs/reference/'), 'docs/glossary.md'] },
  { text: 'Build Annals', pages: ['CONTRIBUTING.md', 'CHANGELOG.md'] },
  { text: 'Decisions', pages: ['docs/adr/README.md', ...inFolder('docs/adr/0')] },
];

/** All pages: those in order, and those that no section names. */
export const sections: readonly Section[] = withRest();

function withRest(): Section[] {
  const named = new Set(ordered.flatMap((section) => section.pages));
  const rest = pages.filter((page) => !named.has(page));
  return ordered.map((section) =>
    section.text === 'Use' ? { ...section, pages: [...section.pages, ...rest] } : section,
  );
}

/** The first heading of a page. */
export function titleOf(page: string): string {
  const [, title] = /^# (.+)$/m.exec(readFileSync(join(root, page), 'utf8')) ?? [];
  if (title === undefined) throw new Error(`${page} has no heading`);
  return title.replaceAll('`', '');
}
