/* Functions that the house does not call; a use does not compile. Included last by sources that want the fence; the style check looks for
 * the names everywhere. */
#ifndef FAIRLEAD_BASE_BANNED_H
#define FAIRLEAD_BASE_BANNED_H

#pragma GCC poison strcpy strcat sprintf vsprintf gets strtok strncpy strncat alloca atoi atol sscanf

#endif
