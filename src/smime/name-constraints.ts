/** Which names an authority may certify. RFC 5280 §4.2.1.10 */
import type { Certificate } from './certificate.js'
import type { GeneralName, NameConstraints } from './extensions.js'
import { formatName, isWithin, valuesOf } from './name.js'
import { OID } from './oids.js'

/** How many comparisons forbiddenName makes at most. */
export function costOf(certificate: Certificate, { permitted, excluded }: NameConstraints): number {
  return namesOf(certificate).length * (permitted.length + excluded.length)
}

/** The first name of the certificate that the constraints forbid, for a log line; undefined if there is none. */
export function forbiddenName(certificate: Certificate, { permitted, excluded }: NameConstraints): string | undefined {
  const forbids = (name: GeneralName) => {
    const sameForm = permitted.filter((subtree) => subtree.form === name.form)
    // A name of a form that we cannot compare is forbidden as soon as any subtree is about that form.
    const lacks = sameForm.length > 0 && !sameForm.some((subtree) => covers(subtree, name) === true)
    const hits = excluded.some((subtree) => subtree.form === name.form && covers(subtree, name) !== false)
    return lacks || hits
  }
  const found = namesOf(certificate).find(forbids)
  return found === undefined ? undefined : describe(found)
}

/** Addresses in the subject are constrained like those in subjectAltName. */
function namesOf({ subject, subjectAltNames }: Certificate): GeneralName[] {
  return [
    ...(subject.path.length === 0 ? [] : [{ form: 'directory' as const, name: subject }]),
    ...valuesOf(subject, OID.emailAddress).map((text) => ({ form: 'email' as const, text })),
    ...subjectAltNames,
  ]
}

/** undefined: we cannot tell, for names of this form. */
function covers(subtree: GeneralName, name: GeneralName): boolean | undefined {
  if (subtree.form === 'email' && name.form === 'email') return coversMailbox(subtree.text, name.text)
  if (subtree.form === 'dns' && name.form === 'dns') return isDomainWithin(name.text.toLowerCase(), subtree.text.toLowerCase())
  if (subtree.form === 'directory' && name.form === 'directory') return isWithin(name.name, subtree.name)
  return undefined
}

/** A mailbox, all mailboxes of a host, or with a leading dot all those of the hosts below a domain. */
function coversMailbox(subtree: string, mailbox: string): boolean {
  const at = mailbox.lastIndexOf('@')
  if (at <= 0) return false
  const host = mailbox.slice(at + 1).toLowerCase()
  const subtreeAt = subtree.lastIndexOf('@')
  if (subtreeAt !== -1) {
    // The local part is compared with case, the host without.
    return subtree.slice(0, subtreeAt) === mailbox.slice(0, at) && subtree.slice(subtreeAt + 1).toLowerCase() === host
  }
  const base = subtree.toLowerCase()
  return base.startsWith('.') ? host.endsWith(base) : host === base
}

/** dNSName: the name itself and everything below it; an empty one covers all. */
function isDomainWithin(host: string, base: string): boolean {
  return base === '' || host === base || host.endsWith(base.startsWith('.') ? base : `.${base}`)
}

function describe(name: GeneralName): string {
  if (name.form === 'directory') return formatName(name.name)
  return name.form === 'email' || name.form === 'dns' || name.form === 'uri' ? name.text : `a name of the form ${name.form}`
}
