/** `npm run demo`: two providers on this machine exchange certified mail, or refuse it, and everything is verified. */
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Command, Option } from 'commander'
import { say } from '../cli/terminal.js'
import { reasonOf } from '../errors.js'
import { certifiedMessage } from './certified-message.js'
import { keep } from './keepsake.js'
import { findOpenssl } from './openssl.js'
import { refusals } from './refusals.js'
import type { Scenario } from './scenario.js'
import { setStage, type Stage } from './stage.js'
import { Timeline } from './timeline.js'
import { verify } from './verification.js'

const SCENARIOS = { 'certified-message': certifiedMessage, refusals } as const satisfies Record<string, Scenario>

interface Options {
  readonly scenario: keyof typeof SCENARIOS
  readonly out?: string
  readonly keep?: true
}

const LONGEST_MS = 180_000
const LOG_LINES = 25

const program = new Command('demo')
  .description(
    'Two certified mail providers on this machine exchange mail; every message is verified. Exit status 0 if all is right.',
  )
  .addOption(new Option('--scenario <NAME>', 'what is played').choices(Object.keys(SCENARIOS)).default('certified-message'))
  .option('--out <DIR>', 'keep every message as DIR/NN-kind.eml, with ca.pem, crl.pem and index.ldif')
  .option('--keep', 'leave the two instances where they are, to look at them')
  .action(demonstrate)

void program.parseAsync()

async function demonstrate(options: Options): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'pec-demo-'))
  // Also when something ends this process that nobody has thought of.
  if (options.keep !== true) process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  const { signal, interrupted } = endOfPatience()
  process.exitCode = (await run(directory, options, signal)) ? 0 : interrupted() ? 130 : 1
  if (options.keep === true) say(`The instances are in ${directory}; start one with: pec start DIR`)
  // A process that would not end must not keep this one.
  process.exit()
}

/** Ends with an interrupt from the terminal, or when it has taken far too long. */
function endOfPatience(): { readonly signal: AbortSignal; readonly interrupted: () => boolean } {
  const interrupt = new AbortController()
  const limit = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupt.abort(new Error('interrupted')))
  setTimeout(() => limit.abort(new Error(`it is not over after ${LONGEST_MS / 1000} s`)), LONGEST_MS).unref()
  return { signal: AbortSignal.any([interrupt.signal, limit.signal]), interrupted: () => interrupt.signal.aborted }
}

/** Whether all was right. Whatever was started has ended when it resolves. */
async function run(directory: string, { scenario: name, out }: Options, signal: AbortSignal): Promise<boolean> {
  const begun = performance.now()
  const seconds = (): string => `${((performance.now() - begun) / 1000).toFixed(1)} s`
  const timeline = new Timeline(say)
  const scenario = SCENARIOS[name]
  let stage: Stage | undefined
  try {
    timeline.say(scenario.story)
    timeline.say()
    stage = await setStage(directory, scenario, signal)
    introduce(stage, timeline, seconds())
    const openssl = await findOpenssl(stage.authority, directory)
    const eyes = [await stage.a.eyes(), await stage.b.eyes()]
    const { letters, faults } = await stage.perform({
      ...{ stage, timeline, signal },
      verify: (letter) => verify(letter, eyes, openssl),
    })
    if (out !== undefined) await keep(resolve(out), letters, stage)
    if (faults.length === 0) conclude(letters.length, openssl !== undefined, timeline)
    else complain(faults, stage)
    return faults.length === 0
  } catch (error) {
    complain([reasonOf(signal.aborted ? signal.reason : error)], stage)
    return false
  } finally {
    await stage?.close()
    timeline.say(`Took ${seconds()}.`)
  }
}

function introduce({ a, b }: Stage, timeline: Timeline, seconds: string): void {
  timeline.say(`Two providers are running, each with its own keys, index, ledger, queue and mailboxes (after ${seconds}):`)
  for (const { plan } of [a, b]) {
    const { submission, starttls, mx } = plan.ports
    timeline.say(
      `  ${plan.name}, ${plan.domain}: users on ports ${submission} (TLS) and ${starttls} (STARTTLS), other providers on ${mx}`,
    )
  }
  timeline.say()
}

function conclude(count: number, withOpenssl: boolean, timeline: Timeline): void {
  timeline.say()
  timeline.say(`All ${count} messages arrived, and each one holds, in the eyes of both providers:`)
  timeline.say('  signature  not a byte has changed since the provider signed it')
  timeline.say("  index      the signer's certificate is in the index of providers")
  timeline.say('  chain      it leads to the accreditation authority, is valid and not revoked')
  timeline.say('  data       form and certification data are right, and say what happened')
  if (withOpenssl) timeline.say('  openssl    `openssl cms -verify`, which shares no code with us, agrees on signature and chain')
}

function complain(faults: readonly string[], stage: Stage | undefined): void {
  say('')
  say('NOT as it should be:')
  for (const fault of faults) say(fault)
  for (const provider of stage === undefined ? [] : [stage.a, stage.b]) {
    say(`\nEnd of the log of ${provider.plan.name}:\n${provider.logTail(LOG_LINES)}`)
  }
}
