/** `pec index certificate`: our certificates in our own record, two of them while a new one takes the old one's place (K4). */
import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import type { Config } from '../config/config.js'
import { PecError } from '../errors.js'
import { withOwnCertificate, withoutOwnCertificate } from '../providers/own-record.js'
import { checkProfile } from '../smime/certificate.js'
import { readCertificate, serviceAddress } from '../keys.js'
import { readInstance } from './instance.js'
import { replaceOwnRecord } from './own-index.js'
import { say } from './terminal.js'

export function certificateCommand(): Command {
  return new Command('certificate')
    .description('add or remove one of our certificates in our own record; a running gateway takes it over')
    .addCommand(
      onCertificate('add', 'add the next one, before its key is put in place').action(async (directory: string, file: string) =>
        add(readInstance(directory), directory, await readCertificate(file)),
      ),
    )
    .addCommand(
      onCertificate('remove', 'remove an old one, once all that it signed has been delivered').action(
        async (directory: string, file: string) => remove(readInstance(directory), await readCertificate(file)),
      ),
    )
}

function onCertificate(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument('<DIR>', 'the instance directory')
    .argument('<FILE.pem>', 'the certificate')
}

async function add(config: Config, directory: string, added: Buffer): Promise<void> {
  const faults = checkProfile(added, { providerName: config.provider.name, address: serviceAddress(config) })
  if (faults.length > 0) throw new PecError('configuration', `the certificate cannot be ours: ${faults.join('; ')}`)
  const ldif = withOwnCertificate(await readFile(config.index.file), await readCertificate(config.signer.certificate), added)
  await replaceOwnRecord(config.index.file, ldif)
  say('Our record of the index has this certificate too.')
  say(`Other providers know it once they have our record: pec index export ${directory}`)
  say(`Then put its key and itself in the place of ${config.signer.key} and ${config.signer.certificate}.`)
}

async function remove(config: Config, removed: Buffer): Promise<void> {
  const current = await readCertificate(config.signer.certificate)
  if (current.equals(removed)) throw new PecError('configuration', 'this certificate is the one that we sign with')
  await replaceOwnRecord(config.index.file, withoutOwnCertificate(await readFile(config.index.file), current, removed))
  say('Our record of the index does not have this certificate any more.')
}
