# A project starts from a template of the library in the program: nothing is fetched, nothing is overwritten.
say() { echo "== $*"; }
{
mkdir $HOME/project
cd $HOME/project

say write
firn flake init -t firn#c
ls
firn eval --raw -f . name
echo

say again
rm greet.c
echo all: > Makefile
firn flake init -t firn
cat Makefile

say another
firn flake init -t firn#pyton
firn flake new -t stdlib#python $HOME/other
firn eval --raw -f $HOME/other name
echo
} 2>&1
