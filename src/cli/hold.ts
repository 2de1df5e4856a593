/** `pec hold`: messages that are kept beyond their time, as a court or an inquiry may ask. */
import { Command } from 'commander'
import { PecError } from '../errors.js'
import type { SqlLedger } from '../ledger/ledger.js'
import { openProvider } from '../provider.js'
import { readInstance } from './instance.js'
import { say } from './terminal.js'

export function holdCommand(): Command {
  const command = (name: string, description: string): Command =>
    new Command(name).description(description).argument('<DIR>', 'the instance directory')
  return new Command('hold')
    .description('keep chosen messages beyond the time after which the register and its archives are purged')
    .addCommand(
      command('add', 'keep a message: its events, and the archives of the days that have them')
        .argument('<IDENTIFIER>', 'of the original, without angle brackets')
        .requiredOption('--reason <TEXT>', 'who asked for it, and why')
        .action(add),
    )
    .addCommand(command('list', 'list the messages that are kept').action(list))
    .addCommand(command('remove', 'let a message go with its time').argument('<IDENTIFIER>', 'as it was added').action(remove))
}

async function withLedger(directory: string, work: (ledger: SqlLedger) => Promise<void>): Promise<void> {
  const provider = await openProvider(readInstance(directory), () => undefined)
  try {
    await work(provider.ledger)
  } finally {
    await provider.close()
  }
}

function add(directory: string, identifier: string, { reason }: { readonly reason: string }): Promise<void> {
  return withLedger(directory, async (ledger) => {
    const events = await ledger.eventsOf(identifier)
    if (events.length === 0) throw new PecError('configuration', `the register has no event of ${identifier}`)
    await ledger.retention.addHold({ identifier, since: new Date(), reason })
    say(`${identifier} is kept, with its ${events.length} events.`)
  })
}

function list(directory: string): Promise<void> {
  return withLedger(directory, async (ledger) => {
    const holds = await ledger.retention.holds()
    for (const { identifier, since, reason } of holds) say(`${since.toISOString()}  ${identifier}  ${reason}`)
    if (holds.length === 0) say('No message is kept beyond its time.')
  })
}

function remove(directory: string, identifier: string): Promise<void> {
  return withLedger(directory, async (ledger) => {
    if (!(await ledger.retention.removeHold(identifier)))
      throw new PecError('configuration', `${identifier} is not held: pec hold list`)
    say(`${identifier} goes with its time.`)
  })
}
