import { section } from './section.js'

/** [directory]: our domains and mailboxes. */
export const directory = section('directory', ['file'], (values) => ({ file: values.path('file', 'directory.json') }))
