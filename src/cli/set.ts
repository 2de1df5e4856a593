/** `pec set`: changes settings of an instance, if what comes out of it is right. */
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { readInstance } from './instance.js'
import { withKeys, type Values } from './settings.js'
import { say } from './terminal.js'

interface Setting {
  readonly section: string
  readonly key: string
  readonly value: string
}

export function setCommand(): Command {
  return new Command('set')
    .description('change settings in config/pec.ini; nothing is changed if one of them is wrong')
    .argument('<DIR>', 'the instance directory')
    .argument('<SECTION.KEY=VALUE...>', 'e.g. ledger.engine=mysql, routes.pec-b.test=10.0.0.2:25', collect, [])
    .action(set)
}

/** The section ends at the first dot: keys may be domains. */
function collect(text: string, before: readonly Setting[]): readonly Setting[] {
  const [, section, key, value] = /^([a-z_]+)\.([^=\s]+)=([^\r\n]*)$/.exec(text) ?? []
  if (section === undefined || key === undefined || value === undefined)
    throw new InvalidArgumentError('A setting is SECTION.KEY=VALUE.')
  return [...before, { section, key, value: value.trim() }]
}

async function set(directory: string, settings: readonly Setting[]): Promise<void> {
  // Says what is wrong with the directory, before anything is read from it.
  readInstance(directory)
  const path = join(resolve(directory), 'config', 'pec.ini')
  await writeFile(`${path}.new`, withKeys(await readFile(path, 'utf8'), valuesOf(settings)), { mode: (await stat(path)).mode })
  try {
    readInstance(directory, 'pec.ini.new')
    await rename(`${path}.new`, path)
  } finally {
    await rm(`${path}.new`, { force: true })
  }
  for (const { section, key, value } of settings) say(`[${section}] ${key} = ${value}`)
  say(`A running gateway goes by it after: pec reload ${directory}`)
}

function valuesOf(settings: readonly Setting[]): Values {
  const values: Record<string, Record<string, string>> = {}
  for (const { section, key, value } of settings) values[section] = { ...values[section], [key]: value }
  return values
}
