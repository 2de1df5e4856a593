/**
 * A message that an antivirus must not call clean: an archive in an archive, more than a hundred times over, attached to a mail.
 * clamd follows at most a hundred. By default it then says OK of what it did not look at; with AlertExceedsMax it tells. That it
 * tells of this one shows that it takes mails and archives apart, and that its OK means what it says.
 */
import { gzipSync } from 'node:zlib'
import { fromBuffer, type Source } from '../mail/source.js'

/** MaxRecursion of clamd.conf is 100 at the most. */
const DEPTH = 110

let made: Source | undefined

export function probe(): Source {
  return (made ??= fromBuffer(makeProbe()))
}

function makeProbe(): Buffer {
  let archive = Buffer.from('This is not a virus.')
  for (let level = 0; level < DEPTH; level++) archive = gzipSync(archive)
  const lines = archive.toString('base64').match(/.{1,76}/g) ?? []
  return Buffer.from(
    [
      'From: probe@localhost.test',
      'To: clamd@localhost.test',
      'Subject: Limits',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary="probe"',
      '',
      '--probe',
      'Content-Type: text/plain',
      '',
      'How deep do you look?',
      '--probe',
      'Content-Type: application/gzip; name="probe.gz"',
      'Content-Disposition: attachment; filename="probe.gz"',
      'Content-Transfer-Encoding: base64',
      '',
      ...lines,
      '--probe--',
      '',
    ].join('\r\n'),
  )
}
