import { section } from './section.js'
import { SERVICE_MAILBOX_KEYS, serviceMailbox } from './service-mailbox.js'

/** [retrieval]: the mailbox from which extracts of the register are sent; undefined where they are not. */
export const retrieval = section('retrieval', SERVICE_MAILBOX_KEYS, serviceMailbox)
