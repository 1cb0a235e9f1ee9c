#include "cli/command.h"

int command_help(int count, char *const *arguments) {
    (void)count;
    (void)arguments;
    printf("fairlead: an ingress gateway that speaks Istio's configuration\n\n"
           "usage: fairlead run -f PATH... [option...]     serve\n"
           "       fairlead check -f PATH... [option...]   compile and report, without serving; exit 1 when there are errors\n"
           "       fairlead dump -f PATH... [option...]    print what the configuration compiles to\n"
           "       fairlead proxy-config listeners|routes|clusters|endpoints|secrets [option...]   print what a running gateway serves\n"
           "       fairlead analyze -f PATH... [option...] judge the configuration as istioctl analyze does, and say what the gateway drops\n"
           "       fairlead explain -f PATH... REQUEST     say what becomes of a request, and why\n"
           "       fairlead diff OLD NEW                   say what a change of the configuration changes in behaviour\n"
           "       fairlead version\n"
           "       fairlead COMMAND --help                 the options of a command\n");
    return 0;
}
