/** `pec mailbox`: the mailboxes of the embedded directory. */
import { Command } from 'commander'
import { addMailbox, removeMailbox, setMailboxPolicy, setState } from '../directory/directory-edit.js'
import { readDirectoryFile } from '../directory/file-directory.js'
import { formatPolicy } from '../directory/ordinary-mail.js'
import { readInstance } from './instance.js'
import { describePolicy, POLICY_ARGUMENT, readPolicy } from './policy.js'
import { readLine, say } from './terminal.js'

export function mailboxCommand(): Command {
  return new Command('mailbox')
    .description('add, list, suspend, resume or remove mailboxes, and say what becomes of ordinary mail for them')
    .addCommand(
      onMailbox('add', 'add a mailbox; its password is read from standard input').action(
        async (directory: string, address: string) => {
          await addMailbox(fileOf(directory), { address, password: await readLine() })
          say(`${address} is there.`)
        },
      ),
    )
    .addCommand(
      new Command('list')
        .description('list the mailboxes, their states and policies on ordinary mail')
        .argument('<DIR>', 'the instance directory')
        .action((directory: string) => {
          const { mailboxes } = readDirectoryFile(fileOf(directory)).contents
          for (const { address, state, ordinaryMail } of mailboxes.values())
            say(`${address}  ${state}${ordinaryMail === undefined ? '' : `  ordinary mail: ${formatPolicy(ordinaryMail)}`}`)
        }),
    )
    .addCommand(
      onMailbox('suspend', 'let a mailbox receive but not send').action(async (directory: string, address: string) => {
        await setState(fileOf(directory), address, 'suspended')
        say(`${address} is suspended.`)
      }),
    )
    .addCommand(
      onMailbox('resume', 'let a suspended mailbox send again').action(async (directory: string, address: string) => {
        await setState(fileOf(directory), address, 'active')
        say(`${address} is active.`)
      }),
    )
    .addCommand(
      onMailbox('policy', 'say what becomes of ordinary mail for a mailbox')
        .argument('<POLICY>', POLICY_ARGUMENT)
        .action(async (directory: string, address: string, policy: string) => {
          const config = readInstance(directory)
          const read = await readPolicy(policy, config)
          await setMailboxPolicy(config.directory.file, address, read)
          say(`Ordinary mail for ${address}: ${describePolicy(read, 'as for its domain')}.`)
        }),
    )
    .addCommand(
      onMailbox('remove', 'remove a mailbox; its mail stays where it is').action(async (directory: string, address: string) => {
        await removeMailbox(fileOf(directory), address)
        say(`${address} is removed.`)
      }),
    )
}

function onMailbox(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument('<DIR>', 'the instance directory')
    .argument('<ADDRESS>', 'the mailbox')
}

function fileOf(directory: string): string {
  return readInstance(directory).directory.file
}
