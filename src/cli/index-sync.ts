/** `pec index sync`, `diff` and `publish`: our copy of the index beside the centre's, and our record for the centre. */
import { readFile, writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import type { Config } from '../config/config.js'
import { PecError } from '../errors.js'
import { openSigner, readCertificate } from '../keys.js'
import { openLedgerOf } from '../provider.js'
import { describeChange, describeOwnDifference } from '../providers/index-changes.js'
import { parseLdif, writeLdif } from '../providers/ldif.js'
import { ownEntries } from '../providers/own-record.js'
import { contentOf } from '../providers/signed-index.js'
import { compareIndexes, type Synchronised } from '../providers/synchronise.js'
import { CrlCache } from '../smime/crl.js'
import { OcspClient } from '../smime/ocsp.js'
import { signEnclosed } from '../smime/sign.js'
import { openSynchroniser } from '../synchroniser.js'
import { readInstance } from './instance.js'
import { say } from './terminal.js'

const clock = (): Date => new Date()

export function syncCommand(): Command {
  return new Command('sync')
    .description('fetch the index from [index] source now, and say what changes; a running gateway takes it over')
    .argument('<DIR>', 'the instance directory')
    .option('--may-shrink', 'take it over even if much of it is gone')
    .action((directory: string, options: { readonly mayShrink?: true }) =>
      sync(readInstance(directory), options.mayShrink === true),
    )
}

export function diffCommand(): Command {
  return new Command('diff')
    .description('say what an index would change in ours; who signed it is not asked')
    .argument('<DIR>', 'the instance directory')
    .argument('<FILE>', 'the index: .ldif or .ldif.p7m')
    .action(async (directory: string, file: string) => {
      const { index, signer } = readInstance(directory)
      const fetched = await contentOf(await readFile(file))
      const certificate = await readCertificate(signer.certificate)
      show(compareIndexes(await readFile(index.file), fetched, certificate), 'would change', 'would have')
    })
}

export function publishCommand(): Command {
  return new Command('publish')
    .description('write our own record, signed, for the centre to fetch from our LDIFLocationURL')
    .argument('<DIR>', 'the instance directory')
    .requiredOption('--out <FILE.ldif.p7m>', 'where to')
    .action(async (directory: string, { out }: { readonly out: string }) => publish(readInstance(directory), out))
}

async function sync(config: Config, mayShrink: boolean): Promise<void> {
  const own = await readCertificate(config.signer.certificate)
  const { crl: sources, crlCopies: copies, ocspTimeout } = config.trust
  const crls = new CrlCache({ sources, copies, onEvent: say })
  await crls.refresh()
  const ocsp = new OcspClient({ timeout: ocspTimeout * 1000, copies })
  const ledger = await openLedgerOf(config, say)
  try {
    const synchroniser = await openSynchroniser(config, { ledger, crls, ocsp, clock, certificate: () => own })
    if (synchroniser === undefined) throw new PecError('configuration', '[index] source of pec.ini names nothing to fetch from')
    show(await synchroniser.run(mayShrink), 'changed', 'has')
  } finally {
    await ledger.close()
  }
}

function show({ records, domains, changes, ownDifferences, faults }: Synchronised, verb: string, has: string): void {
  for (const change of changes) say(describeChange(change))
  for (const each of ownDifferences) say(`Note: ${describeOwnDifference(each)}`)
  for (const { dn, fault } of faults) say(`Fault in ${dn}: ${fault}`)
  say(`${changes.length} records ${verb}; the index ${has} ${records}, with ${domains} domains.`)
}

async function publish(config: Config, out: string): Promise<void> {
  const signer = await openSigner(config, 'strict', say)
  try {
    const own = ownEntries(parseLdif(await readFile(config.index.file)), signer.certificate)
    await writeFile(out, await signEnclosed(writeLdif(own), signer, clock()))
    say(`Our record is in ${out}: put it where its LDIFLocationURL says, as application/pkcs7-mime; smime-type=signed-data.`)
  } finally {
    signer.close?.()
  }
}
