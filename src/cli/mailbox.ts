/** `pec mailbox`: the mailboxes of the embedded directory. */
import { Command } from 'commander'
import { addMailbox, removeMailbox, setState } from '../directory/directory-edit.js'
import { readDirectoryFile } from '../directory/file-directory.js'
import { readInstance } from './instance.js'
import { readLine, say } from './terminal.js'

export function mailboxCommand(): Command {
  return new Command('mailbox')
    .description('add, list, suspend, resume or remove mailboxes')
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
        .description('list the mailboxes and their states')
        .argument('<DIR>', 'the instance directory')
        .action((directory: string) => {
          const { mailboxes } = readDirectoryFile(fileOf(directory)).contents
          for (const { address, state } of mailboxes.values()) say(`${address}  ${state}`)
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
