/** `pec hold`: messages that are kept beyond their time, as a court or an inquiry may ask. */
import { userInfo } from 'node:os'
import { Command } from 'commander'
import type { Config } from '../config/config.js'
import { PecError } from '../errors.js'
import { keyOf } from '../ledger/keys.js'
import type { SqlLedger } from '../ledger/ledger.js'
import { recordAct } from '../retrieval/record.js'
import { withoutBrackets } from './log-query.js'
import { withRegister } from './register.js'
import { say } from './terminal.js'

export function holdCommand(): Command {
  const command = (name: string, description: string): Command =>
    new Command(name).description(description).argument('<DIR>', 'the instance directory')
  return new Command('hold')
    .description('keep chosen messages beyond the time after which the register and its archives are purged')
    .addCommand(
      command('add', 'keep a message: its events, and the archives of the days that have them')
        .argument('<IDENTIFIER>', 'of the original')
        .requiredOption('--reason <TEXT>', 'who asked for it, and why')
        .action(add),
    )
    .addCommand(command('list', 'list the messages that are kept').action(list))
    .addCommand(command('remove', 'let a message go with its time').argument('<IDENTIFIER>', 'as it was added').action(remove))
}

function add(directory: string, given: string, { reason }: { readonly reason: string }): Promise<void> {
  const identifier = withoutBrackets(given)
  return withRegister(directory, async (ledger, config) => {
    const events = await ledger.eventsOf(identifier)
    if (events.length === 0) throw new PecError('configuration', `the register has no event of ${identifier}`)
    const since = new Date()
    await record(ledger, config, since, identifier, `kept beyond its time: ${reason}`)
    await ledger.retention.addHold({ identifier, since, reason })
    say(`${identifier} is kept, with its ${events.length} events.`)
  })
}

function list(directory: string): Promise<void> {
  return withRegister(directory, async (ledger) => {
    const holds = await ledger.retention.holds()
    for (const { identifier, since, reason } of holds) say(`${since.toISOString()}  ${identifier}  ${reason}`)
    if (holds.length === 0) say('No message is kept beyond its time.')
  })
}

function remove(directory: string, given: string): Promise<void> {
  const identifier = withoutBrackets(given)
  return withRegister(directory, async (ledger, config) => {
    if (!(await ledger.retention.holds()).some((hold) => hold.identifier === keyOf(identifier)))
      throw new PecError('configuration', `${identifier} is not held: pec hold list`)
    await record(ledger, config, new Date(), identifier, 'let go with its time')
    await ledger.retention.removeHold(identifier)
    say(`${identifier} goes with its time.`)
  })
}

/** What cannot be recorded is not done. */
function record(ledger: SqlLedger, { provider }: Config, at: Date, identifier: string, outcome: string): Promise<void> {
  const requestedBy = userInfo().username
  return recordAct(ledger, at, { type: 'hold', identifier, provider: provider.name, requestedBy, outcome })
}
