/** `pec domain`: our own domains, in the embedded directory and in our record of the index. */
import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { addDomain, setDomainPolicy } from '../directory/directory-edit.js'
import { readDirectoryFile } from '../directory/file-directory.js'
import { readIndex } from '../providers/provider-index.js'
import { readInstance } from './instance.js'
import { indexWithDomain, replaceIndex } from './own-index.js'
import { describePolicy, POLICY_ARGUMENT, readPolicy } from './policy.js'
import { say } from './terminal.js'

export function domainCommand(): Command {
  return new Command('domain')
    .description('add or list our domains, and say what becomes of ordinary mail for them; a running gateway takes it over')
    .addCommand(
      onDomain('add', 'add a domain, in the directory and in our own record of the index').action(
        async (directory: string, domain: string) => add(directory, domain.toLowerCase()),
      ),
    )
    .addCommand(
      new Command('list')
        .description('list our domains, and what becomes of ordinary mail for each')
        .argument('<DIR>', 'the instance directory')
        .action(list),
    )
    .addCommand(
      onDomain('policy', 'say what becomes of ordinary mail for the mailboxes of a domain')
        .argument('<POLICY>', POLICY_ARGUMENT)
        .action(async (directory: string, domain: string, policy: string) => {
          const config = readInstance(directory)
          const read = await readPolicy(policy, config)
          await setDomainPolicy(config.directory.file, domain, read)
          say(`Ordinary mail for ${domain}: ${describePolicy(read, config.reception.ordinaryMail)}.`)
        }),
    )
}

function onDomain(name: string, description: string): Command {
  return new Command(name).description(description).argument('<DIR>', 'the instance directory').argument('<DOMAIN>', 'the domain')
}

async function add(directory: string, domain: string): Promise<void> {
  const config = readInstance(directory)
  // What could be refused comes first; what was done by halves is done again.
  const { ldif, isNew } = await indexWithDomain(config, domain)
  const isThere = readDirectoryFile(config.directory.file).contents.domains.has(domain)
  if (!isThere || !isNew) await addDomain(config.directory.file, domain)
  if (isNew) await replaceIndex(config.index.file, ldif)
  say(`${domain} is ours, and in our own record of the index, ${config.index.file}.`)
  say(`A running gateway takes mail for it in a second, and knows it for certified in ${config.index.refresh} s.`)
  say(`Other providers know it once they have our record: pec index export ${directory}`)
  say('Until it is in the index that all share, whoever refreshes that file must keep it in our record.')
}

async function list(directory: string): Promise<void> {
  const config = readInstance(directory)
  const { domains, ordinaryMail } = readDirectoryFile(config.directory.file).contents
  const { index } = readIndex(await readFile(config.index.file))
  for (const domain of [...domains].sort()) {
    const policy = describePolicy(ordinaryMail.get(domain), `${config.reception.ordinaryMail} (default)`)
    const known = index.byDomain(domain) === undefined ? '  not in the index' : ''
    say(`${domain}  ordinary mail: ${policy}${known}`)
  }
}
