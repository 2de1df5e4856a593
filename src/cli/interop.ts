/** `pec interop`: whether other providers answer test messages as they should (O7). */
import { readFile, writeFile } from 'node:fs/promises'
import { Command, InvalidArgumentError } from 'commander'
import { PecError, reasonOf } from '../errors.js'
import type { Exchange } from '../interoperability/check.js'
import { describeTimes, passed, roundMeans, runRound } from '../interoperability/round.js'
import { readIndex } from '../providers/provider-index.js'
import { withRegister } from './register.js'
import { say } from './terminal.js'

interface RunOptions {
  readonly to?: readonly string[]
  readonly patience?: number
  readonly json?: string
}

const HELP = `
[interoperability] of pec.ini names our mailbox that sends, through the running gateway like any user, and the mailboxes of other
providers. The receipts are looked for in the register. Each mailbox that was checked is an event of the register
(pec log search DIR --kind interoperability). Exit status 1 if any of them failed.`

export function interopCommand(): Command {
  return new Command('interop')
    .description('test messages to mailboxes of other providers')
    .addCommand(
      new Command('run')
        .description('send them, wait for acceptance, take-charge and delivery, and tell times and faults')
        .argument('<DIR>', 'the instance directory, whose gateway runs')
        .option('--to <ADDRESS...>', 'these mailboxes, instead of those of the settings')
        .option('--patience <SECONDS>', 'how long receipts are waited for, instead of that of the settings', seconds)
        .option('--json <FILE>', 'write times and faults there, too')
        .addHelpText('after', HELP)
        .action(run),
    )
}

async function run(directory: string, options: RunOptions): Promise<void> {
  await withRegister(directory, async (ledger, config) => {
    const { interoperability: settings } = config
    if (settings === undefined)
      throw new PecError('configuration', 'no mailbox sends test messages: set [interoperability] mailbox and to in pec.ini')
    const { index } = readIndex(await readFile(config.index.file))
    const mailboxes = options.to?.map((address) => address.toLowerCase()) ?? settings.to
    const patience = options.patience ?? settings.patience
    const parts = { register: ledger, ledger, index, clock: () => new Date() }
    const exchanges = await runRound(mailboxes, roundMeans(config, { from: settings.from, patience }, parts))
    const failed = exchanges.filter((exchange) => !passed(exchange)).length
    if (options.json !== undefined) await writeReport(options.json, settings.from.mailbox, exchanges)
    exchanges.flatMap(linesOf).forEach(say)
    say(failed === 0 ? `${exchanges.length} checked: all passed.` : `${exchanges.length} checked: ${failed} failed.`)
    if (failed > 0) process.exitCode = 1
  })
}

async function writeReport(path: string, mailbox: string, exchanges: readonly Exchange[]): Promise<void> {
  const report = {
    ...{ mailbox, passed: exchanges.every(passed) },
    exchanges: exchanges.map((exchange) => ({ ...exchange, passed: passed(exchange) })),
  }
  await writeFile(path, `${JSON.stringify(report, undefined, 2)}\n`).catch((cause: unknown) => {
    throw new PecError('configuration', `${path} cannot be written: ${reasonOf(cause)}`, { cause })
  })
}

function linesOf(exchange: Exchange): string[] {
  const { mailbox, provider = 'no provider', identifier, seconds: times, faults } = exchange
  return [
    [passed(exchange) ? 'passed' : 'FAILED', mailbox, provider, describeTimes(times)].filter((part) => part !== '').join('  '),
    ...faults.map((fault) => `        ${fault}`),
    ...(passed(exchange) || identifier === undefined ? [] : [`        pec log show DIR ${identifier} tells more`]),
  ]
}

function seconds(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('Seconds are a whole number from 1 on.')
  return Number(text)
}
