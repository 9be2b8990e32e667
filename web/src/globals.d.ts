/** Folder of the runtime's files beside the page, with a slash at its end. */
declare const __RUNTIME__: string;
declare module "*.css";
