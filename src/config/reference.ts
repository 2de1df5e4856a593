/** `npm run reference`: writes the reference of all settings, from the comments of the ini files themselves. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const ROOT = resolve(__dirname, '..', '..', '..')
/** The file with the reference, below the root of the project. */
export const REFERENCE = join('docker', 'handbook', 'settings.md')
export const INI_FILES = ['pec.ini', 'rspamd.ini', 'smtp.ini', 'connection.ini', 'outbound.ini', 'tls.ini', 'log.ini'] as const

const HEAD = `# Settings

Every key of the files in \`config/\`, with its value in a new instance. Made of the comments in those files (\`npm run reference\`): change them
there.
`

interface Setting {
  readonly key: string
  readonly value: string
  readonly meaning: string
}

/** The text of the reference, from the texts of the files by their names. */
export function referenceOf(files: ReadonlyMap<string, string>): string {
  return [HEAD, ...[...files].map(([name, text]) => chapterOf(name, text))].join('\n')
}

function chapterOf(name: string, text: string): string {
  const sections = [...settingsOf(text)].filter(([, settings]) => settings.length > 0)
  return [`## ${name}\n`, ...sections.flatMap(([section, settings]) => [`### ${section}\n`, ...settings.map(lineOf), ''])].join(
    '\n',
  )
}

function lineOf({ key, value, meaning }: Setting): string {
  const shown = value === '' ? '' : ` = \`${value}\``
  return `- **${key.replaceAll('[]', '\\[\\]')}**${shown}${meaning === '' ? '' : `: ${escaped(meaning)}`}`
}

/** By section; what stands before the first one is `main`. */
function settingsOf(text: string): ReadonlyMap<string, Setting[]> {
  const sections = new Map<string, Setting[]>()
  let current: Setting[] = []
  let comment: string[] = []
  sections.set('main', current)
  for (const line of text.split('\n')) {
    const [, section] = /^\[(.+)\]$/.exec(line) ?? []
    const [, disabled, key, value = ''] = /^(;? ?)([\w.-]+(?:\[\])?) ?= ?(.*)$/.exec(line) ?? []
    if (section !== undefined) {
      current = sections.get(section) ?? []
      sections.set(section, current)
      comment = []
    } else if (key !== undefined && (disabled === '' || isExample(line))) {
      current.push({ key, value: value.trim(), meaning: comment.join(' ') })
      comment = []
    } else if (line.startsWith(';')) comment.push(line.slice(1).trim())
    else if (line.trim() === '') comment = []
  }
  return sections
}

/** A key that is only shown, e.g. `; name = Provider A`: a line of its own, in a comment. */
function isExample(line: string): boolean {
  return /^; ?[a-z_]+ ?= ?\S/.test(line)
}

/** What would be Markdown; an underscore within a word is none. */
function escaped(text: string): string {
  return text.replace(/[<>*[\]]/g, (character) => `\\${character}`)
}

if (require.main === module) {
  const files = new Map(INI_FILES.map((name) => [name, readFileSync(join(ROOT, 'config', name), 'utf8')]))
  writeFileSync(join(ROOT, REFERENCE), referenceOf(files))
}
