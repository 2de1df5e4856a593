/** `pec reload`: what a running instance takes over without a pause. */
import { resolve } from 'node:path'
import { Command } from 'commander'
import { PecError } from '../errors.js'
import { ask } from '../haraka/control.js'
import { say } from './terminal.js'

export function reloadCommand(): Command {
  return new Command('reload')
    .description('have the running gateway take over its settings, keys and TLS certificates: workers are replaced one by one')
    .argument('<DIR>', 'the instance directory')
    .action(async (directory: string) => {
      const { ok, text } = await ask(resolve(directory), 'reload')
      if (!ok) throw new PecError('configuration', `Nothing, or not all, was taken over: ${text}`)
      say(text)
    })
}
