/** `pec index`: the index of providers that the gateway goes by, and our own record in it. */
import { readFile, writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { readCertificate } from '../keys.js'
import { parseLdif, writeLdif } from '../providers/ldif.js'
import { ownEntries } from '../providers/own-record.js'
import { readIndex } from '../providers/provider-index.js'
import { certificateCommand } from './index-certificate.js'
import { readInstance } from './instance.js'
import { diffCommand, publishCommand, syncCommand } from './index-sync.js'
import { mergeIndex } from './merge-index.js'
import { replaceIndex } from './own-index.js'
import { say } from './terminal.js'

export function indexCommand(): Command {
  return new Command('index')
    .description('show, synchronise, import, export or publish the index of providers')
    .addCommand(
      new Command('show')
        .description('list the providers and their domains')
        .argument('<DIR>', 'the instance directory')
        .action(show),
    )
    .addCommand(
      new Command('import')
        .description('add the records of an LDIF file, in place of those of the same name; a running gateway takes them over')
        .argument('<DIR>', 'the instance directory')
        .argument('<FILE.ldif>', 'the records')
        .action(importIndex),
    )
    .addCommand(
      new Command('export')
        .description("write our own record, for other providers' indexes")
        .argument('<DIR>', 'the instance directory')
        .argument('[FILE.ldif]', 'where to (default: standard output)')
        .action(exportOwn),
    )
    .addCommand(syncCommand())
    .addCommand(diffCommand())
    .addCommand(publishCommand())
    .addCommand(certificateCommand())
}

async function show(directory: string): Promise<void> {
  const { records, faults } = readIndex(await readFile(readInstance(directory).index.file))
  for (const record of records) {
    say(record.unit === undefined ? record.name : `${record.name}, ${record.unit}`)
    say(`  receipts to   ${record.mailReceipt}`)
    say(`  domains       ${[...record.managedDomains].sort().join(', ')}`)
    say(`  certificates  ${[...record.certificateHashes].join(', ')}`)
  }
  for (const { dn, fault } of faults) say(`Fault in ${dn}: ${fault}`)
}

async function importIndex(directory: string, file: string): Promise<void> {
  const { index } = readInstance(directory)
  const merged = mergeIndex(await readFile(index.file), await readFile(file))
  await replaceIndex(index.file, merged)
  say(`The index has ${readIndex(merged).records.length} records now.`)
}

async function exportOwn(directory: string, file: string | undefined): Promise<void> {
  const { index, signer } = readInstance(directory)
  const own = ownEntries(parseLdif(await readFile(index.file)), await readCertificate(signer.certificate))
  const ldif = writeLdif(own)
  if (file === undefined) process.stdout.write(ldif)
  else await writeFile(file, ldif)
}
