/** `pec log extract`: what the register has of something, to be presented. */
import { Command } from 'commander'
import { PecError } from '../errors.js'
import { isThere } from '../archive/place.js'
import { archiveSource } from '../retrieval/archive-source.js'
import { extract, isWrong, type ExtractionPlace } from '../retrieval/extraction.js'
import { packExtract } from '../retrieval/package.js'
import { recordAct } from '../retrieval/record.js'
import { checkCertified, sendExtract } from '../retrieval/send.js'
import type { Config } from '../config/config.js'
import type { ServiceMailbox } from '../service-mailbox.js'
import { QUERY_HELP, queryOf, sourceOf, withQueryOptions, type QueryOptions } from './log-query.js'
import { openCheckMeans, withRegister } from './register.js'
import { say, warn } from './terminal.js'

interface ExtractOptions extends QueryOptions {
  readonly out: string
  readonly requestedBy: string
  readonly sendTo?: string
}

const HELP = `
The zip file has a summary in Italian (text and PDF), the events (JSON lines and CSV), daticert.xml and signature of each, and manifest,
signature and time stamp of the archives of their days, where they are archived. That it was made, and for whom, is an event of the
register; such events, and those of holds, are in an extract only if --kind asks for them. It is sent by certified mail only: from the
mailbox that [retrieval] of pec.ini names, through the running gateway, to an address of a provider that the index lists.
${QUERY_HELP}`

export function extractCommand(): Command {
  return withQueryOptions(new Command('extract'))
    .description('put the events that fit, and what proves them, into one file for whoever asked')
    .requiredOption('--out <FILE.zip>', 'where it is written; no file may be there')
    .requiredOption('--requested-by <NAME>', 'who asked for it')
    .option('--send-to <ADDRESS>', 'send it there by certified mail')
    .addHelpText('after', HELP)
    .action(run)
}

async function run(directory: string, options: ExtractOptions): Promise<void> {
  const { out, sendTo } = options
  const requestedBy = options.requestedBy.trim()
  if (requestedBy === '') throw new PecError('configuration', '--requested-by must name who asked')
  const query = queryOf(options)
  if (Object.keys(query).length === 0)
    throw new PecError('configuration', 'say what to extract: --identifier, --sender, --day or another mark')
  await withRegister(directory, async (ledger, config) => {
    const means = await openCheckMeans(config)
    const sending = sendTo === undefined ? undefined : sendingOf(config)
    if (sendTo !== undefined) checkCertified(sendTo, means.index)
    const at = means.now
    const provider = config.provider.name
    const place = { source: sourceOf(options, ledger, config), register: ledger, means, ...(await archivesOf(config, options)) }
    const extraction = await extract({ requestedBy, query, at }, provider, place)
    const count = extraction.events.length
    const { sha256, size } = await packExtract(extraction, out, (facts) =>
      recordAct(ledger, at, {
        ...{ type: 'retrieval', identifier: query.identifier ?? '', provider, requestedBy },
        recipients: sendTo === undefined ? [] : [sendTo],
        outcome: `extract of ${count} events, SHA-256 ${facts.sha256}`,
      }),
    )
    say(`${out}: ${count} events, ${size} bytes, SHA-256 ${sha256}`)
    const wrong = extraction.events.filter(isWrong).length
    if (wrong > 0) warn(`Something is WRONG with ${wrong} of these events: the summary tells what.`)
    if (sendTo === undefined || sending === undefined) return
    say(`Sent to ${sendTo}: ${await sendExtract(out, sendTo, sending)}`)
  })
}

async function archivesOf(
  { archive: { directory, months } }: Config,
  { archive }: QueryOptions,
): Promise<Pick<ExtractionPlace, 'archives' | 'archived'>> {
  const isSource = archive === true || !(await isThere(directory))
  return { archives: directory, archived: isSource ? undefined : { source: archiveSource(directory, warn), months } }
}

function sendingOf({ retrieval }: Config): ServiceMailbox {
  if (retrieval === undefined)
    throw new PecError('configuration', 'no mailbox sends extracts: set [retrieval] mailbox and password_file in pec.ini')
  return retrieval
}
