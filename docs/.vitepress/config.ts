import { posix } from 'node:path';
import { defineConfig, type MarkdownRenderer } from 'vitepress';
import { pages, sections, titleOf } from './sections.ts';

const isPage = new Set(pages);
/** A README is the page of its folder. */
const inSite = (path: string) => path.replace(/README\.md$/, 'index.md');

export default defineConfig({
  title: 'Annals',
  description: 'The event-sourced backbone for systems of parallel AI agents',
  srcDir: '..',
  srcExclude: ['!(docs|examples|client|entry)/**/*.md'],
  outDir: '../.build/site',
  cacheDir: '../.build/site-cache',
  rewrites: Object.fromEntries(pages.map((page) => [page, inSite(page)])),
  themeConfig: {
    sidebar: sections.map(({ text, pages }) => ({
      text,
      collapsed: text === 'Decisions',
      items: pages.map((page) => ({ text: titleOf(page), link: `/${inSite(page)}` })),
    })),
    outline: [2, 3],
    search: { provider: 'local' },
  },
  markdown: { config: followLinks },
  vite: { build: { target: 'es2022' } }, // what esbuild of this repository can write
});

/** Links lead to pages of the site. A link to a file of the source shows its text. */
function followLinks(markdown: MarkdownRenderer): void {
  markdown.core.ruler.push('links of the source', ({ tokens, env }) => {
    const folder = posix.dirname(env.relativePath);
    for (const { children } of tokens) {
      let isOutside = false;
      for (const token of children ?? []) {
        if (token.type === 'link_open') {
          const href = String(token.attrGet('href'));
          const [path = '', anchor] = href.split('#');
          const isFile = path !== '' && !/^[a-z]+:/.test(path);
          isOutside = isFile && !isPage.has(posix.join(folder, path));
          if (isFile) token.attrSet('href', anchor === undefined ? inSite(path) : `${inSite(path)}#${anchor}`);
        }
        if (isOutside && /^link_/.test(token.type)) {
          if (token.type === 'link_close') isOutside = false;
          token.type = 'text';
        }
      }
    }
  });
}
