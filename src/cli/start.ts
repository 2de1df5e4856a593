/** `pec start` and `pec check-config`. */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import { checkAntivirus } from '../antivirus/engine.js'
import { UNSCANNED } from '../antivirus/none.js'
import type { Config } from '../config/config.js'
import { PecError, reasonOf } from '../errors.js'
import { conditionOf } from '../haraka/control.js'
import { checkSetup, findBusyPorts } from '../haraka/setup.js'
import { checkProvider } from '../provider.js'
import { harakaProgram, readInstance } from './instance.js'
import { say } from './terminal.js'

/** Beyond what an instance takes to end: its workers and then its master have force_shutdown_timeout of smtp.ini each, 60 s. */
const ENDING_MS = 150_000
/** The processes of one that was killed give up its ports a moment later. */
const PORTS_MS = 5_000
const LOOK_MS = 250

export function startCommand(): Command {
  return new Command('start')
    .description('run the gateway in the foreground; stop it with Ctrl-C or SIGTERM')
    .argument('<DIR>', 'the instance directory, made by pec init')
    .action(async (directory: string) => {
      const config = readInstance(directory)
      await untilNoneRuns(directory, config.instance)
      await untilPortsAreFree(config)
      await checkProvider(config)
      if (config.antivirus.engine === 'none') say(UNSCANNED)
      // It may come later: until then messages are refused for the time being.
      await checkAntivirus(config.antivirus).catch((error: unknown) => say(reasonOf(error)))
      process.exitCode = await runHaraka(resolve(directory))
    })
}

export function checkCommand(): Command {
  return new Command('check-config')
    .description("check settings, Haraka's own files, keys, certificates, index and antivirus, and name every fault")
    .argument('<DIR>', 'the instance directory')
    .action(async (directory: string) => {
      const config = readInstance(directory)
      await checkAll([() => checkSetup(config), () => checkProvider(config), () => checkAntivirus(config.antivirus)])
      if (config.antivirus.engine === 'none') say(UNSCANNED)
      say('The configuration is in order.')
    })
}

/** An instance that is ending is waited for: two at a time over one queue would send everything twice. */
async function untilNoneRuns(directory: string, instance: string): Promise<void> {
  const end = performance.now() + ENDING_MS
  for (let look = 0; ; look++) {
    const condition = await conditionOf(instance)
    if (condition === 'away') return
    if (condition === 'at work') throw new PecError('configuration', `${directory} is running already`)
    if (performance.now() > end)
      throw new PecError('configuration', `${directory} has been ending for ${ENDING_MS / 1000} s: kill its processes`)
    if (look === 0) say(`${directory} is still ending: waiting until its work in hand is done`)
    await sleep(LOOK_MS)
  }
}

async function untilPortsAreFree(config: Config): Promise<void> {
  const end = performance.now() + PORTS_MS
  for (;;) {
    const busy = await findBusyPorts(config)
    if (busy.length === 0) return
    if (performance.now() > end) throw new PecError('configuration', busy.join('\n'))
    await sleep(LOOK_MS)
  }
}

/** Rejects with PecError 'configuration' naming the faults of all. */
async function checkAll(checks: readonly (() => Promise<void>)[]): Promise<void> {
  const faults: string[] = []
  for (const check of checks) await check().catch((error: unknown) => faults.push(reasonOf(error)))
  if (faults.length > 0) throw new PecError('configuration', faults.join('\n'))
}

function runHaraka(directory: string): Promise<number> {
  const haraka = spawn(process.execPath, [harakaProgram(), '-c', directory], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] })
  const stop = (): void => void haraka.kill('SIGINT')
  process.on('SIGTERM', stop)
  // A terminal sends Ctrl-C to both: the gateway ends once.
  process.on('SIGINT', stop)
  return new Promise((done, failed) => {
    haraka.once('error', failed)
    haraka.once('exit', (code, signal) => done(code ?? (signal === null ? 1 : 128)))
  })
}
