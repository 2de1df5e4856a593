/** `pec domain`: our own domains, in the directory and in our record of the index. */
import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { readIndex } from '../providers/provider-index.js'
import { changing, reading, withBy, type By } from './accounts.js'
import { indexWithDomain, replaceOwnRecord } from './own-index.js'
import { describePolicy, POLICY_ARGUMENT, readPolicy } from './policy.js'
import { say } from './terminal.js'

export function domainCommand(): Command {
  return new Command('domain')
    .description(
      'add, list or remove our domains, and say what becomes of ordinary mail for them; a running gateway takes it over',
    )
    .addCommand(
      onDomain('add', 'add a domain, in the directory and in our own record of the index').action(
        async (directory: string, domain: string, by: By) => add(directory, domain.toLowerCase(), by),
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
        .action(async (directory: string, domain: string, policy: string, by: By) =>
          changing(directory, by, async (accounts, config) => {
            const read = await readPolicy(policy, config)
            await accounts.setDomainPolicy(domain, read)
            say(`Ordinary mail for ${domain}: ${describePolicy(read, config.reception.ordinaryMail)}.`)
          }),
        ),
    )
    .addCommand(
      onDomain('remove', 'remove a domain without mailboxes from the directory').action(
        async (directory: string, domain: string, by: By) =>
          changing(directory, by, async (accounts) => {
            await accounts.removeDomain(domain)
            say(
              `${domain} is not in the directory any more. Our record of the index still has it, and a new one is the centre's to take.`,
            )
          }),
      ),
    )
}

function onDomain(name: string, description: string): Command {
  return withBy(new Command(name))
    .description(description)
    .argument('<DIR>', 'the instance directory')
    .argument('<DOMAIN>', 'the domain')
}

async function add(directory: string, domain: string, by: By): Promise<void> {
  await changing(directory, by, async (accounts, config) => {
    // What could be refused comes first; what was done by halves is done again.
    const { ldif, isNew } = await indexWithDomain(config, domain)
    const isThere = (await accounts.domains()).some(({ name }) => name === domain)
    if (!isThere || !isNew) await accounts.addDomain(domain)
    if (isNew) await replaceOwnRecord(config.index.file, ldif)
    const seconds = config.directory.engine === 'file' ? 1 : config.ldap.ages.refresh
    say(`${domain} is ours, and in our own record of the index, ${config.index.file}.`)
    say(`A running gateway takes mail for it in ${seconds} s, and knows it for certified in ${config.index.refresh} s.`)
    say(`Other providers know it once they have our record: pec index export ${directory}`)
    say('Until it is in the index that all share, whoever refreshes that file must keep it in our record.')
  })
}

async function list(directory: string): Promise<void> {
  await reading(directory, async (accounts, config) => {
    const { index } = readIndex(await readFile(config.index.file))
    for (const { name, ordinaryMail } of await accounts.domains()) {
      const policy = describePolicy(ordinaryMail, `${config.reception.ordinaryMail} (default)`)
      const known = index.byDomain(name) === undefined ? '  not in the index' : ''
      say(`${name}  ordinary mail: ${policy}${known}`)
    }
  })
}
