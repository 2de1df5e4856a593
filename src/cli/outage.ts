/** `pec outage`: the log of outages, which AgID is told of every four months (O6). */
import { Command, InvalidArgumentError, Option } from 'commander'
import { beginningAt, legalDay } from '../retrieval/period.js'
import { OUTAGE_TYPES, type OutageType } from '../statistics/outage.js'
import { withRegister } from './register.js'
import { say } from './terminal.js'
import { shown } from './verify-words.js'

interface AddOptions {
  readonly day: string
  readonly type: OutageType
  readonly minutes: number
  readonly sla: 'S' | 'N'
  readonly note: string
}

export function outageCommand(): Command {
  return new Command('outage')
    .description('keep the log of outages')
    .addCommand(
      new Command('add')
        .description('write an outage into the log')
        .argument('<DIR>', 'the instance directory')
        .requiredOption('--day <DAY>', 'YYYY-MM-DD')
        .addOption(
          new Option('--type <TYPE>', '01 planned, 02 incident, 03 malfunction').choices(OUTAGE_TYPES).makeOptionMandatory(),
        )
        .requiredOption('--minutes <NUMBER>', 'how long it lasted', minutes)
        .addOption(
          new Option('--sla <S|N>', 'whether it counts against the agreed availability')
            .choices(['S', 'N'])
            .makeOptionMandatory(),
        )
        .option('--note <TEXT>', 'what happened, for ourselves', '')
        .action(add),
    )
    .addCommand(
      new Command('list')
        .description('list the outages')
        .argument('<DIR>', 'the instance directory')
        .option('--json', 'print one JSON object to a line')
        .action(list),
    )
}

function minutes(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It must be a positive number of minutes.')
  return Number(text)
}

async function add(directory: string, { day, type, minutes: length, sla, note }: AddOptions): Promise<void> {
  const legal = legalDay(beginningAt(day))
  await withRegister(directory, async (ledger) => {
    await ledger.outages.add({ day: legal, type, minutes: length, sla: sla === 'S', note })
    say(`Outage of ${legal} (${type}), ${length} minutes, is in the log.`)
  })
}

async function list(directory: string, { json }: { readonly json?: true }): Promise<void> {
  await withRegister(directory, async (ledger) => {
    const outages = await ledger.outages.list('', '9999-12-31')
    if (outages.length === 0 && json !== true) say('No outage is recorded.')
    for (const outage of outages) {
      const { day, type, minutes: length, sla, note } = outage
      say(
        json === true ? JSON.stringify(outage) : [day, type, `${length} minutes`, sla ? 'SLA' : 'no SLA', shown(note)].join('  '),
      )
    }
  })
}
