/** What `calicoctl --help` prints, as v3.28 has it. */
export const USAGE = `Usage:
  calicoctl [options] <command> [<args>...]

    create       Create a resource by file, directory or stdin.
    replace      Replace a resource by file, directory or stdin.
    apply        Apply a resource by file, directory or stdin.  This creates a resource
                 if it does not exist, and replaces a resource if it does exists.
    patch        Patch a pre-exisiting resource in place.
    delete       Delete a resource identified by file, directory, stdin or resource type and
                 name.
    get          Get a resource identified by file, directory, stdin or resource type and
                 name.
    label        Add or update labels of resources.
    convert      Convert config files between different API versions.
    ipam         IP address management.
    node         Calico node management.
    version      Display the version of this binary.
    datastore    Calico datastore management.
    cluster      Calico cluster management

Options:
  -h --help                    Show this screen.
  -l --log-level=<level>       Set the log level (one of panic, fatal, error,
                               warn, info, debug) [default: panic]
  --context=<context>          The name of the kubeconfig context to use.
  --allow-version-mismatch     Allow client and cluster versions mismatch.

Description:
  The calicoctl is used to manage Calico network and security policy, to view
  and manage endpoint configuration, and to manage a Calico node instance.

  See 'calicoctl <command> --help' to read about a specific subcommand.
`;
