/** `pec quarantine`: the infected messages that are kept (A3, R5). */
import { userInfo } from 'node:os'
import { Command } from 'commander'
import { PecError } from '../errors.js'
import type { RecordedQuarantine } from '../archive/register.js'
import type { SqlLedger } from '../ledger/ledger.js'
import { exportKept } from '../quarantine/export.js'
import { stateOfKeptFile } from '../quarantine/kept-file-check.js'
import { purgeKept, purgeOver, type PurgeVerdict } from '../quarantine/purge.js'
import { purgeMeans } from '../quarantine-purge.js'
import { recordAct } from '../retrieval/record.js'
import { withoutBrackets } from './log-query.js'
import { withRegister } from './register.js'
import { section } from './sections.js'
import { say } from './terminal.js'
import { shown, shownTime } from './verify-words.js'

interface ExportOptions {
  readonly out: string
  readonly requestedBy: string
}

interface PurgeOptions {
  readonly force?: true
  readonly reason?: string
}

export function quarantineCommand(): Command {
  const command = (name: string, description: string): Command =>
    new Command(name).description(description).argument('<DIR>', 'the instance directory')
  const name = ['<ID|IDENTIFIER>', 'of the file in quarantine, or of the message as notices tell it'] as const
  return new Command('quarantine')
    .description('list, show, export and purge the messages that are kept because of a virus')
    .addCommand(
      command('list', 'list them, the first to go first').option('--json', 'print one JSON object to a line').action(list),
    )
    .addCommand(
      command('show', 'tell all about one, and whether its file is intact')
        .argument(...name)
        .option('--json', 'print one JSON object to a line')
        .action(show),
    )
    .addCommand(
      command('export', 'put one into a zip file, under a name that nothing opens by a double-click')
        .argument(...name)
        .requiredOption('--out <FILE.zip>', 'where it is written; no file may be there')
        .requiredOption('--requested-by <NAME>', 'who asked for it; the export is an event of the register')
        .action(take),
    )
    .addCommand(
      command('purge', 'remove those whose time is over, but for those on hold; each is an event of the register')
        .argument(`[${name[0].slice(1, -1)}]`, 'only this one')
        .option('--force', 'also before its time, with --reason')
        .option('--reason <TEXT>', 'who wants it, and why')
        .action(purge),
    )
}

async function list(directory: string, { json }: { readonly json?: true }): Promise<void> {
  await withRegister(directory, async (ledger) => {
    let count = 0
    for await (const kept of ledger.kept.all()) {
      say(json === true ? JSON.stringify(kept) : lineOf(kept))
      count++
    }
    if (count === 0 && json !== true) say('Nothing is in quarantine.')
  })
}

function lineOf({ id, identifier, signature, sender, since, until }: RecordedQuarantine): string {
  return [shownTime(since), `until ${shownTime(until)}`, id, shown(identifier), shown(sender), shown(signature)].join('  ')
}

async function show(directory: string, name: string, { json }: { readonly json?: true }): Promise<void> {
  await withRegister(directory, async (ledger, config) => {
    for (const kept of await find(ledger, name)) {
      const state = await stateOfKeptFile(config.quarantine.directory, kept)
      if (json === true) say(JSON.stringify({ ...kept, state }))
      else for (const line of linesOf(kept, state)) say(line)
      if (state !== 'intact') process.exitCode = 1
    }
  })
}

function linesOf(kept: RecordedQuarantine, state: 'intact' | 'missing' | 'altered'): string[] {
  const { id, identifier, reason, signature, sha256, size, since, until, provider, sender } = kept
  const words = { intact: 'intact', missing: 'NOT here (it may be on another node)', altered: 'ALTERED: not what was kept' }
  return section(`Kept ${id}`, [
    ['Identifier', shown(identifier)],
    ['Reason', `${reason}: ${shown(signature)}`],
    ['Sender', shown(sender)],
    ['Provider', shown(provider)],
    ['Since', shownTime(since)],
    ['Until', shownTime(until)],
    ['SHA-256', sha256],
    ['Size', `${size} bytes`],
    ['File', words[state]],
  ])
}

async function take(directory: string, name: string, { out, requestedBy }: ExportOptions): Promise<void> {
  await withRegister(directory, async (ledger, config) => {
    const [kept, ...others] = await find(ledger, name)
    if (kept === undefined || others.length > 0)
      throw new PecError('configuration', `${name} has several files in quarantine, name one: pec quarantine show`)
    const now = new Date()
    const { identifier, signature, sha256 } = kept
    await exportKept(config.quarantine.directory, kept, {
      ...{ out, now },
      announce: () =>
        recordAct(ledger, now, {
          ...{ type: 'retrieval', identifier, provider: config.provider.name, requestedBy },
          outcome: `exported from quarantine (${signature}, SHA-256 ${sha256})`,
        }),
    })
    say(`${out} holds the message with ${shown(signature)}, SHA-256 ${sha256}. Open it only in a place made for that.`)
  })
}

const VERDICTS: Readonly<Record<PurgeVerdict, string>> = {
  purged: 'purged',
  held: 'stays: the message is on hold',
  early: 'stays: its time is not over (--force with --reason purges it all the same)',
  elsewhere: 'stays: its file is not on this machine, purge it on the node that has it',
}

async function purge(directory: string, name: string | undefined, { force, reason }: PurgeOptions): Promise<void> {
  if (force === true && (name === undefined || reason === undefined))
    throw new PecError('configuration', '--force purges one message, by its name, and needs --reason')
  await withRegister(directory, async (ledger, config) => {
    const means = await purgeMeans(ledger, config, new Date(), userInfo().username)
    const tell = ({ id }: { readonly id: string }, verdict: PurgeVerdict): void => say(`${id}  ${VERDICTS[verdict]}`)
    if (name === undefined) {
      say(`${await purgeOver(ledger.kept.all(), means, tell)} messages purged.`)
      return
    }
    let purged = 0
    for (const kept of await find(ledger, name)) {
      const verdict = await purgeKept(kept, means, force === true ? reason : undefined)
      if (verdict === 'purged') purged++
      else process.exitCode = 1
      tell(kept, verdict)
    }
    say(`${purged} messages purged.`)
  })
}

async function find(ledger: SqlLedger, name: string): Promise<readonly RecordedQuarantine[]> {
  const found = await ledger.kept.named(withoutBrackets(name))
  if (found.length === 0) throw new PecError('configuration', `${name} is not in quarantine: pec quarantine list`)
  return found
}
