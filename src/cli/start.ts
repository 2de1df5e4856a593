/** `pec start` and `pec check-config`. */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { checkAntivirus } from '../antivirus/engine.js'
import { UNSCANNED } from '../antivirus/none.js'
import { PecError, reasonOf } from '../errors.js'
import { isRunning } from '../haraka/control.js'
import { checkSetup, findBusyPorts } from '../haraka/setup.js'
import { checkProvider } from '../provider.js'
import { harakaProgram, readInstance } from './instance.js'
import { say } from './terminal.js'

export function startCommand(): Command {
  return new Command('start')
    .description('run the gateway in the foreground; stop it with Ctrl-C or SIGTERM')
    .argument('<DIR>', 'the instance directory, made by pec init')
    .action(async (directory: string) => {
      const config = readInstance(directory)
      if (await isRunning(config.instance)) throw new PecError('configuration', `${directory} is running already`)
      const busy = await findBusyPorts(config)
      if (busy.length > 0) throw new PecError('configuration', busy.join('\n'))
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

/** Rejects with PecError 'configuration' naming the faults of all. */
async function checkAll(checks: readonly (() => Promise<void>)[]): Promise<void> {
  const faults: string[] = []
  for (const check of checks) await check().catch((error: unknown) => faults.push(reasonOf(error)))
  if (faults.length > 0) throw new PecError('configuration', faults.join('\n'))
}

function runHaraka(directory: string): Promise<number> {
  const haraka = spawn(process.execPath, [harakaProgram(), '-c', directory], { stdio: 'inherit' })
  const stop = (): void => void haraka.kill('SIGINT')
  process.on('SIGTERM', stop)
  // A terminal sends Ctrl-C to both: the gateway ends once.
  process.on('SIGINT', stop)
  return new Promise((done, failed) => {
    haraka.once('error', failed)
    haraka.once('exit', (code, signal) => done(code ?? (signal === null ? 1 : 128)))
  })
}
