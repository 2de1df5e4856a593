/** `pec backup` and `pec restore`. */
import { symlink } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { backUp } from '../backup/backup.js'
import { PecError, reasonOf } from '../errors.js'
import { restoreContents, restoreFolders, verifyBackup } from '../backup/restoration.js'
import { checkInstance, tellViolation } from './check.js'
import { packageLink, packageRoot, readInstance } from './instance.js'
import { say } from './terminal.js'

export function backupCommand(): Command {
  return new Command('backup')
    .description('copy an instance, while it runs or not: ledger, settings, keys, index, directory, quarantine, queue, mailboxes')
    .argument('<DIR>', 'the instance directory')
    .argument('<OUT>', 'the folder to make; it must not exist or be empty')
    .option('--no-keys', 'leave out private keys, passphrases and passwords')
    .option('--no-mail', 'leave out the embedded mailboxes')
    .action(async (directory: string, out: string, options: { readonly keys: boolean; readonly mail: boolean }) => {
      const { files, keys, elsewhere } = await backUp(readInstance(directory), resolve(out), new Date(), options)
      for (const path of elsewhere) say(`${path} is outside of the instance and not in the backup: copy it yourself.`)
      say(`${out} is complete: ${files.length} files, keys ${keys}.`)
      if (keys === 'included') say('It holds private keys: keep it as you keep those.')
    })
}

interface RestoreOptions {
  readonly queue: 'hold' | 'release'
}

export function restoreCommand(): Command {
  return new Command('restore')
    .description('make an instance from a backup and check its ledger; nothing that exists is written over')
    .argument('<OUT>', 'the backup')
    .argument('<DIR>', 'the instance directory to make; it must not exist or be empty')
    .addOption(
      new Option('--queue <WHAT>', 'what was queued: hold it in queue.held, or release it to be sent (after the last stop only)')
        .choices(['hold', 'release'])
        .default('hold'),
    )
    .action(restore)
}

async function restore(out: string, directory: string, { queue }: RestoreOptions): Promise<void> {
  const from = resolve(out)
  const { at, keys, elsewhere } = await verifyBackup(from)
  await restoreFolders(from, resolve(directory))
  const config = readInstance(directory)
  const queued = await restoreContents(from, config, queue).catch((cause: unknown) => {
    const half = `${directory} has half of the backup: empty it before the next try`
    throw new PecError('configuration', `${reasonOf(cause)}; ${half}`, { cause })
  })
  await symlink(packageRoot, packageLink(config.instance), 'dir')
  for (const path of elsewhere) say(`${path} is needed, and was not in the backup.`)
  if (keys === 'left out') say('The backup has no keys: put them where config/pec.ini and config/tls.ini say.')
  if (queued > 0 && queue === 'hold')
    say(
      `${queued} messages that were queued are in ${directory}/queue.held and will not be sent: see the README before you move them.`,
    )
  const violations = await checkInstance(config, tellViolation)
  if (violations > 0) process.exitCode = 1
  say(`${directory} is as it was at ${at}. Start it: pec start ${directory}`)
}
