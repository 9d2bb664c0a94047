/** Every page of docs/ is reached from the README, and no link of README or docs/ leads nowhere. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGES = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => join('docs', name))]
const text = (page: string): string => readFileSync(join(ROOT, page), 'utf8')

/** As GitHub makes them of headings. */
const anchors = (page: string): string[] =>
  [...text(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )

/** Links to files of the project: where they lead, and to which heading. */
const links = (page: string): { to: string; anchor: string | undefined }[] =>
  [...text(page).matchAll(/\]\((?!\w+:)([^)#]*)(?:#([^)]*))?\)/g)].map(([, path = '', anchor]) => ({
    to: path === '' ? page : normalize(join(dirname(page), path)),
    anchor,
  }))

void t.test('links of README and docs lead somewhere', (t) => {
  for (const page of PAGES) {
    for (const { to, anchor } of links(page)) {
      t.ok(existsSync(join(ROOT, to)), `${page}: ${to}`)
      if (anchor !== undefined) t.ok(anchors(to).includes(anchor), `${page}: ${to}#${anchor}`)
    }
  }
  t.end()
})

void t.test('every page is in the list at the end of the README', (t) => {
  const [, more = ''] = text('README.md').split('\n## More\n')
  for (const page of PAGES.slice(1)) t.ok(more.includes(`](${page})`), page)
  t.end()
})

void t.test('nothing is promised for later', (t) => {
  for (const page of PAGES) t.notMatch(text(page), /\b(to be filled|TBD|TODO|FIXME)\b/i, page)
  t.end()
})
